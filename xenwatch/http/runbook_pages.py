"""Serves the runbooks: as pages to browsers, as Markdown to other clients."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from xenwatch.alerts import runbooks
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.http.status_page import LANE
from xenwatch.page import errors
from xenwatch.page import runbooks as pages

HTML: Final = "text/html"
PLAIN: Final = "plain"
"""The parameter of a query that asks for Markdown."""


class RunbookPages:
    """Each page is made once, in a thread, when it is first asked for: there are only so many."""

    def __init__(self, style: str, icon: str) -> None:
        self._style = style
        self._icon = icon
        files = runbooks.files()
        self._files = {path.removeprefix(RUNBOOKS): body for path, body in files.items()}
        self._texts = {name: body.decode() for name, body in sorted(self._files.items())}
        self._made: dict[str, asyncio.Future[bytes]] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve the list, and each runbook with and without the ending of its file."""
        paths = sorted({errors.PATH, *(f"{RUNBOOKS}{name}" for name in self._files)})
        plain = "".join(f"{path}\n" for path in paths).encode()
        make = functools.partial(pages.listed, _runbooks_of(self._texts), self._style, self._icon)
        for path in (RUNBOOKS, RUNBOOKS.rstrip("/")):
            router.add_get(path, functools.partial(self._serve, "", plain, make))
        for name, body in self._files.items():
            make = functools.partial(
                pages.render, name, self._texts[name], tuple(self._files), self._style, self._icon
            )
            handler = functools.partial(self._serve, name, body, make)
            for path in dict.fromkeys((f"{RUNBOOKS}{name}", f"{RUNBOOKS}{_short(name)}")):
                if path != errors.PATH:  # a page of its own
                    router.add_get(path, handler)

    async def _serve(
        self, name: str, plain: bytes, make: Callable[[], bytes], request: web.Request
    ) -> web.Response:
        headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
        accepted = ",".join(request.headers.getall("Accept", []))
        if HTML not in accepted or PLAIN in request.query:
            headers["Content-Type"] = "text/plain; charset=utf-8"
            return web.Response(body=plain, headers=headers)
        if name not in self._made:
            self._made[name] = LANE.start(make)
        headers["Content-Type"] = f"{HTML}; charset=utf-8"
        return web.Response(body=await asyncio.shield(self._made[name]), headers=headers)


def _short(name: str) -> str:
    return name.removesuffix(pages.SUFFIX)


def _runbooks_of(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Those of alerts: the table of error messages is searched, not listed."""
    table = f"{errors.PATH.removeprefix(RUNBOOKS)}{pages.SUFFIX}"
    return {name: text for name, text in texts.items() if name != table}
