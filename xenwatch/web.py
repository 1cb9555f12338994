"""HTTP: the metrics as bytes rendered before, health checks and a landing page."""

from __future__ import annotations

import asyncio
import functools
import html
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from xenwatch import __version__, api, exposition, threads
from xenwatch.negotiate import wants_gzip, wants_openmetrics
from xenwatch.plan import PlanError
from xenwatch.publish import Page, Publisher
from xenwatch.words import hint, shown

SLOW: Final = 30.0
"""Seconds a client has to take a page in."""

HEADROOM: Final = "/api/v1/headroom"
"""The path of the JSON API for schedulers."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "xenwatch",
}

_LANDING: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>xenwatch</title>
<style>body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }}
</style>
</head>
<body>
<main>
<h1>xenwatch</h1>
<p>Watches the limits of a Xen dom0. Version {version}.</p>
<ul>
<li><a href="{metrics}">Metrics</a> for Prometheus</li>
<li><a href="{headroom}">Headroom</a>: how many more VMs fit, as JSON</li>
<li><a href="/-/healthy">Healthy</a>: the daemon answers</li>
<li><a href="/-/ready">Ready</a>: every probe has run once</li>
</ul>
</main>
</body>
</html>
"""


class Server:
    """The handlers, and what they serve: the newest page of `publisher`."""

    def __init__(self, publisher: Publisher, probes: Iterable[str], max_requests: int) -> None:
        """`probes` are the names known to `collect[]` and `exclude[]`."""
        self._publisher = publisher
        self._probes = tuple(probes)
        self._max_requests = max_requests
        self._requests = 0

    def application(self, telemetry_path: str) -> web.Application:
        """The web application; the metrics are at `telemetry_path`."""
        landing = _LANDING.format(
            version=__version__, metrics=html.escape(telemetry_path), headroom=HEADROOM
        )

        async def root(_request: web.Request) -> web.Response:
            return web.Response(text=landing, content_type="text/html")

        app = web.Application()
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", root)
        app.router.add_get(telemetry_path, self._bounded(self._metrics))
        app.router.add_get(HEADROOM, self._bounded(self._headroom))
        app.router.add_get("/-/healthy", _healthy)
        app.router.add_get("/-/ready", self._ready)
        return app

    def _bounded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler, for so many requests at a time; a request ends when its body is sent."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._requests >= self._max_requests:
                text = f"{self._max_requests} scrapes are being answered; try again later\n"
                return web.Response(status=503, text=text, headers={"Retry-After": "1"})
            self._requests += 1
            try:
                response = await handler(request)
                async with asyncio.timeout(SLOW):
                    await response.prepare(request)
                    await response.write_eof()
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                raise
            finally:
                self._requests -= 1
            return response

        return handle

    async def _metrics(self, request: web.Request) -> web.Response:
        page = self._publisher.page
        if page is not None and request.query:
            page = await self._filtered(request)
        if page is None:
            return web.Response(status=503, text="there are no readings yet; try again shortly\n")
        openmetrics = wants_openmetrics(",".join(request.headers.getall("Accept", [])))
        packed = wants_gzip(",".join(request.headers.getall("Accept-Encoding", [])))
        headers = {
            "Content-Type": exposition.OPENMETRICS if openmetrics else exposition.TEXT,
            "Vary": "Accept, Accept-Encoding",
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=page.bodies[openmetrics, packed], headers=headers)

    async def _filtered(self, request: web.Request) -> Page | None:
        """The page the query asks for. Raises `HTTPBadRequest`."""
        collect = request.query.getall("collect[]", [])
        exclude = request.query.getall("exclude[]", [])
        if collect and exclude:
            raise web.HTTPBadRequest(text="collect[] and exclude[] exclude each other\n")
        for name in (*collect, *exclude):
            if name not in self._probes:
                raise web.HTTPBadRequest(text=_unknown(name, self._probes))
        if not collect and not exclude:
            return self._publisher.page
        wanted = collect or [name for name in self._probes if name not in exclude]
        return await self._publisher.part(wanted)

    async def _headroom(self, request: web.Request) -> web.Response:
        page = self._publisher.page
        if page is None:
            return web.json_response({"error": "there are no readings yet"}, status=503)
        work = functools.partial(
            api.headroom, request.query.items(), page.snapshot, page.states, self._publisher.shapes
        )
        try:
            return web.json_response(await threads.start(work, "headroom"))
        except PlanError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _ready(self, _request: web.Request) -> web.Response:
        if self._publisher.complete:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="the first pass is not complete\n")


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="healthy\n")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _unknown(name: str, known: Iterable[str]) -> str:
    meant = hint(name, known) or f"; known are {', '.join(known)}"
    return f"no probe is called {shown(name)}{meant}\n"
