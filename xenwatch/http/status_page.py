"""The status page and the overview as JSON: rendered when the first reader asks, then kept.

Most snapshots nobody looks at, and those cost nothing.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import mimetypes
import socket
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Final, NamedTuple

from xenwatch import page, threads
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.page import Links
from xenwatch.passes.publisher import Page, Publisher
from xenwatch.planning.capacity import fit_each
from xenwatch.planning.forecast import forecast
from xenwatch.probes import PROBES
from xenwatch.status import host_status
from xenwatch.status.host_status import Outside, Overview

STATIC: Final = "/static/"
"""The path below which the files of the status page are."""


class Body(NamedTuple):
    """What is sent, plain and packed."""

    plain: bytes
    packed: bytes


class File(NamedTuple):
    """A file of the status page. `path` is where it is served; it changes with the content."""

    path: str
    kind: str
    body: bytes


def files() -> Mapping[str, File]:
    """The files of the status page by name, read from the package."""
    found: dict[str, File] = {}
    for file in (resources.files(page) / "static").iterdir():
        body = file.read_bytes()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        digest = hashlib.sha256(body).hexdigest()[:12]
        found[file.name] = File(f"{STATIC}{digest}/{file.name}", kind, body)
    return found


class Views:
    """What is rendered of the newest page of `publisher` on demand; `links` are the page's."""

    def __init__(self, publisher: Publisher, links: Links) -> None:
        self._publisher = publisher
        self._links = links
        self._hostname = socket.gethostname()
        self._of: Page | None = None
        self._kept: dict[str, asyncio.Future[Body]] = {}

    async def json(self, of: Page) -> Body:
        """The overview as JSON."""
        return await self._once(of, "json", lambda: host_status.dumps(self._overview(of)).encode())

    async def html(self, of: Page, words: str) -> Body:
        """The status page, its domains filtered by `words`."""
        work = functools.partial(self._html, of, words)
        if words:
            return await threads.start(functools.partial(_packed, work), "html")
        return await self._once(of, "html", work)

    def _html(self, of: Page, words: str) -> bytes:
        return page.render(self._overview(of), of.history.series, self._links, words)

    def _overview(self, of: Page) -> Overview:
        publisher = self._publisher
        policy = publisher.policy
        outside = Outside(
            alerts=of.alerts,
            runbooks=(policy.runbooks if policy else "") or RUNBOOKS,
            seconds_to_full=forecast(of.history, of.states),
            hostname=self._hostname,
        )
        plans = fit_each(of.states, of.snapshot, publisher.shapes.values())
        return host_status.of(of.snapshot, of.states, plans, PROBES, outside)

    async def _once(self, of: Page, name: str, work: Callable[[], bytes]) -> Body:
        """The work's result, done at most once for a page however many ask at a time."""
        if of is not self._of:
            self._of, self._kept = of, {}
        if name not in self._kept:
            self._kept[name] = threads.start(functools.partial(_packed, work), name)
        return await asyncio.shield(self._kept[name])


def _packed(work: Callable[[], bytes]) -> Body:
    body = work()
    return Body(body, gzip.compress(body, compresslevel=1, mtime=0))
