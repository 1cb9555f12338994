"""HTTP: the metrics as bytes rendered before, the status page, an API, and health checks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from xenwatch import threads
from xenwatch.alerts import runbooks
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.display.text import hint, shown
from xenwatch.exposition import text_format
from xenwatch.exposition.negotiation import wants_gzip, wants_openmetrics
from xenwatch.http import headroom
from xenwatch.http.status_page import Body, File, Views, files
from xenwatch.page import Links
from xenwatch.page.domains import LONGEST
from xenwatch.passes.publisher import Page, Publisher
from xenwatch.planning.question import PlanError
from xenwatch.status import host_status

SLOW: Final = 30.0
"""Seconds a client has to take a page in."""

HEADROOM: Final = "/api/v1/headroom"
"""The path of the JSON API for schedulers."""
ERRORS: Final = f"{RUNBOOKS}errors.md"
"""The path of the page that leads from an error to its runbook."""
NOTHING: Final = "there are no readings yet; try again shortly\n"
FOREVER: Final = "public, max-age=31536000, immutable"
"""For files whose path changes with their content."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "xenwatch",
}


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
        static = files()
        others = {
            "Metrics for Prometheus": telemetry_path,
            "All of this as JSON": host_status.PATH,
            "Room for VMs as JSON": HEADROOM,
            "What the errors in logs mean": ERRORS,
            "Is the daemon alive": "/-/healthy",
            "Is it ready": "/-/ready",
        }
        style, script, icon = (static[name].path for name in ("page.css", "page.js", "icon.svg"))
        views = Views(self._publisher, Links(style, script, icon, others))
        app = web.Application()
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/", self._bounded(functools.partial(self._status, views)))
        app.router.add_get(telemetry_path, self._bounded(self._metrics))
        app.router.add_get(HEADROOM, self._bounded(self._headroom))
        app.router.add_get(
            host_status.PATH, self._bounded(functools.partial(self._overview, views))
        )
        app.router.add_get("/-/healthy", _healthy)
        app.router.add_get("/-/ready", self._ready)
        for path, body in runbooks.files().items():
            app.router.add_get(path, functools.partial(_runbook, body))
        for file in static.values():
            app.router.add_get(file.path, functools.partial(_static, file))
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
            return web.Response(status=503, text=NOTHING)
        openmetrics = wants_openmetrics(",".join(request.headers.getall("Accept", [])))
        packed = _wants_gzip(request)
        headers = {
            "Content-Type": text_format.OPENMETRICS if openmetrics else text_format.TEXT,
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

    async def _status(self, views: Views, request: web.Request) -> web.Response:
        page = self._publisher.page
        if page is None:
            return web.Response(status=503, text=NOTHING, headers={"Refresh": "2"})
        words = request.query.get("q", "").strip()[:LONGEST]
        return _sent(request, await views.html(page, words), "text/html; charset=utf-8")

    async def _overview(self, views: Views, request: web.Request) -> web.Response:
        page = self._publisher.page
        if page is None:
            return web.json_response({"error": "there are no readings yet"}, status=503)
        return _sent(request, await views.json(page), "application/json; charset=utf-8")

    async def _headroom(self, request: web.Request) -> web.Response:
        page = self._publisher.page
        if page is None:
            return web.json_response({"error": "there are no readings yet"}, status=503)
        work = functools.partial(
            headroom.headroom,
            request.query.items(),
            page.snapshot,
            page.states,
            self._publisher.shapes,
        )
        try:
            return web.json_response(await threads.start(work, "headroom"))
        except PlanError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _ready(self, _request: web.Request) -> web.Response:
        if self._publisher.complete:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="the first pass is not complete\n")


def _wants_gzip(request: web.Request) -> bool:
    return wants_gzip(",".join(request.headers.getall("Accept-Encoding", [])))


def _sent(request: web.Request, body: Body, kind: str) -> web.Response:
    """The body as the client wants it; it must ask again each time."""
    headers = {"Content-Type": kind, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if _wants_gzip(request):
        return web.Response(body=body.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=body.plain, headers=headers)


async def _static(file: File, _request: web.Request) -> web.Response:
    return web.Response(
        body=file.body, headers={"Content-Type": file.kind, "Cache-Control": FOREVER}
    )


async def _runbook(body: bytes, _request: web.Request) -> web.Response:
    """Markdown is text that people read as it is."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache"}
    return web.Response(body=body, headers=headers)


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="healthy\n")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _unknown(name: str, known: Iterable[str]) -> str:
    meant = hint(name, known) or f"; known are {', '.join(known)}"
    return f"no probe is called {shown(name)}{meant}\n"
