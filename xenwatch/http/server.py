"""HTTP: the rendered metrics, the status page, the JSON API, and health checks."""

from __future__ import annotations

import asyncio
import functools
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.display.text import meant, shown
from xenwatch.exposition import text_format
from xenwatch.exposition.negotiation import wants_openmetrics
from xenwatch.http import headroom, paths
from xenwatch.http.guard import guard
from xenwatch.http.members import Ask, Members, daemons
from xenwatch.http.pages import HTML, NO_READINGS, Pages, compressed, response, unavailable
from xenwatch.http.past import Past
from xenwatch.http.refusals import BUSY, Refusals
from xenwatch.http.runbook_pages import RunbookPages
from xenwatch.http.sending import Sending
from xenwatch.http.status_page import (
    LANE,
    Body,
    RenderedStatus,
    StaticFile,
    StatusCache,
    static_files,
)
from xenwatch.page import errors, pool, vms
from xenwatch.page.document import Links
from xenwatch.passes.bodies import Form
from xenwatch.passes.publisher import Publisher
from xenwatch.planning.question import PlanError
from xenwatch.status import activity, check, host_status
from xenwatch.status.check import CheckError
from xenwatch.web_config.load import PLAIN, WebConfig

PARTS: Final = 4
"""Parts of the page that are made and sent at a time: their bodies are not shared."""
HEADROOM: Final = "/api/v1/headroom"
"""The path of the JSON API for schedulers."""
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


_Handler = Callable[[web.Request], Awaitable[web.Response]]
_Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Handlers:
    """The handlers of requests, which serve the newest pass of `publisher`."""

    def __init__(
        self,
        publisher: Publisher,
        probes: Iterable[str],
        max_requests: int,
        refusals: Refusals,
        *,
        record: str = "",
        members: Ask | None = None,
    ) -> None:
        """`probes` are the names known to `collect[]` and `exclude[]`.

        `record` is the path of the record, empty where there is none, `members` asks for the other
        hosts of the pool.
        """
        self._members = Members(members or daemons([]))
        self._publisher = publisher
        self._past = Past(record, lambda: publisher.rules)
        self._probes = tuple(probes)
        self._max_requests = max_requests
        self._refusals = refusals
        self._sending = Sending(refusals, time.monotonic)
        self._requests = 0
        self._parts = 0
        self._part = asyncio.Semaphore(PARTS)

    def application(
        self, telemetry_path: str, current: Callable[[], WebConfig] = lambda: PLAIN
    ) -> web.Application:
        """The web application; metrics are at `telemetry_path`, `current` says who is served."""
        static = static_files()
        others = {
            "Metrics for Prometheus": telemetry_path,
            "Status as JSON": host_status.PATH,
            "Activity of the VMs as JSON": activity.PATH,
            "Headroom for VMs as JSON": HEADROOM,
            "Verdict of a check as JSON": paths.CHECK,
            "Pool": pool.PATH,
            "Runbooks": RUNBOOKS,
            "Error messages and their runbooks": errors.PATH,
            "Health": "/-/healthy",
            "Readiness": "/-/ready",
        }
        style, script, icon = (static[name].path for name in ("page.css", "page.js", "icon.svg"))
        cache = StatusCache(
            socket.gethostname(), Links(style, script, icon, others, bool(self._past.path))
        )
        pages = Pages(self._publisher, cache, self._past, self._members)
        app = web.Application(middlewares=[guard(current, time.monotonic)])
        app.on_response_prepare.append(functools.partial(_add_headers, current))
        metrics = self._in_turn(self._sent(self._metrics))
        app.router.add_get(telemetry_path, self._bounded(metrics))
        handlers: Mapping[str, _Handler] = {
            "/": pages.status,
            f"{vms.PATH}{{name}}": pages.vm,
            pool.PATH: pages.pool,
            HEADROOM: self._headroom,
            paths.CHECK: functools.partial(self._check, cache),
            host_status.PATH: functools.partial(self._json, cache, RenderedStatus.json),
            activity.PATH: functools.partial(self._json, cache, RenderedStatus.activity),
            errors.PATH: functools.partial(_errors, style=style, icon=icon),
        }
        for path, handler in handlers.items():
            app.router.add_get(path, self._bounded(self._sent(handler)))
        app.router.add_get("/-/healthy", _healthy)
        app.router.add_get("/-/ready", self._ready)
        RunbookPages(style, icon).add_to(app.router)
        for file in static.values():
            app.router.add_get(file.path, functools.partial(_static, file))
        return app

    def _sent(self, handler: _Handler) -> _Serve:
        """The handler, and its response sent."""

        async def serve(request: web.Request) -> web.StreamResponse:
            response = await handler(request)
            await self._sending.send(response, request)
            return response

        return serve

    def _bounded(self, serve: _Serve) -> _Serve:
        """The same for so many requests at a time; a request ends when its body is sent."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._requests >= self._max_requests and not self._sending.cut_stalled():
                return self._busy(request, self._max_requests)
            self._requests += 1
            try:
                return await serve(request)
            finally:
                self._requests -= 1

        return handle

    def _in_turn(self, serve: _Serve) -> _Serve:
        """The same, where parts of the page take turns and leave half of the places to others."""
        most = (self._max_requests + 1) // 2

        async def handle(request: web.Request) -> web.StreamResponse:
            if not {"collect[]", "exclude[]"} & request.query.keys():
                return await serve(request)
            if self._parts >= most:
                return self._busy(request, most)
            self._parts += 1
            try:
                async with self._part:
                    return await serve(request)
            finally:
                self._parts -= 1

        return handle

    def _busy(self, request: web.Request, most: int) -> web.Response:
        self._refusals.add(BUSY, request.remote)
        text = f"too many concurrent requests (max {most}); retry later\n"
        return web.Response(status=503, text=text, headers={"Retry-After": "1"})

    async def _metrics(self, request: web.Request) -> web.Response:
        openmetrics = wants_openmetrics(",".join(request.headers.getall("Accept", [])))
        packed = compressed(request)
        body = await self._body(request, (openmetrics, packed))
        if body is None:
            return unavailable()
        headers = {
            "Content-Type": text_format.OPENMETRICS if openmetrics else CONTENT_TYPE_PLAIN_0_0_4,
            "Vary": "Accept, Accept-Encoding",
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def _body(self, request: web.Request, form: Form) -> bytes | None:
        """The metrics, of the probes the query asks for if it does. Raises `HTTPBadRequest`."""
        collect = request.query.getall("collect[]", [])
        exclude = request.query.getall("exclude[]", [])
        if collect and exclude:
            raise web.HTTPBadRequest(text="collect[] and exclude[] are mutually exclusive\n")
        for name in (*collect, *exclude):
            if name not in self._probes:
                raise web.HTTPBadRequest(text=_unknown(name, self._probes))
        if not collect and not exclude:
            return await self._publisher.body(form)
        wanted = collect or [name for name in self._probes if name not in exclude]
        return await self._publisher.part(wanted, form)

    async def _json(
        self,
        cache: StatusCache,
        render: Callable[[RenderedStatus], Awaitable[Body]],
        request: web.Request,
    ) -> web.Response:
        newest = self._publisher.newest
        if newest is None:
            return web.json_response({"error": NO_READINGS}, status=503)
        rendered = cache.rendered(newest.assessment, self._publisher.earlier.snapshot)
        return response(request, await render(rendered), "application/json; charset=utf-8")

    async def _check(self, cache: StatusCache, request: web.Request) -> web.Response:
        newest = self._publisher.newest
        if newest is None:
            return web.json_response({"error": NO_READINGS}, status=503)
        status = await cache.rendered(newest.assessment, self._publisher.earlier.snapshot).status()
        given = {name: request.query.getall(name) for name in request.query}
        try:
            fence, age = newest.assessment.fence, self._publisher.age(newest)
            work = functools.partial(check.answer, given, status, age, fence)
            return web.json_response(await LANE.start(work))
        except CheckError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _headroom(self, request: web.Request) -> web.Response:
        newest = self._publisher.newest
        if newest is None:
            return web.json_response({"error": NO_READINGS}, status=503)
        shapes = self._publisher.rules.shapes  # those of a reload count at once
        work = functools.partial(
            headroom.headroom, request.query.items(), newest.assessment, shapes
        )
        try:
            return web.json_response(await LANE.start(work))
        except PlanError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _ready(self, _request: web.Request) -> web.Response:
        if self._publisher.complete:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="first pass not complete yet\n")


async def _static(file: StaticFile, _request: web.Request) -> web.Response:
    headers = {"Content-Type": file.content_type, "Cache-Control": FOREVER}
    return web.Response(body=file.content, headers=headers)


async def _errors(request: web.Request, *, style: str, icon: str) -> web.Response:
    """The page of error messages, searched for the query's text."""
    work = functools.partial(errors.render, request.query.get("q", ""), style, icon)
    headers = {"Content-Type": HTML, "Cache-Control": "no-cache"}
    return web.Response(body=await LANE.start(work), headers=headers)


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="healthy\n")


async def _add_headers(
    current: Callable[[], WebConfig], _request: web.Request, response: web.StreamResponse
) -> None:
    response.headers.update({**HEADERS, **current().headers})


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"unknown probe {shown(name)}{meant(name, known)}\n"
