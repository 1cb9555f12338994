"""The pages for people about this host: its status, and each VM, now and in the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from xenwatch.display.text import shown
from xenwatch.exposition.negotiation import wants_gzip
from xenwatch.http.members import Members
from xenwatch.http.past import BusyError, Past, PastError
from xenwatch.http.status_page import Body, RenderedStatus, StatusCache
from xenwatch.page import history
from xenwatch.page.domains import Query
from xenwatch.page.happened import Happened
from xenwatch.page.history import View
from xenwatch.passes.publisher import Publisher
from xenwatch.report.events import ENDED, STOPPED, Event, parts
from xenwatch.status.history import SPANS

HTML: Final = "text/html; charset=utf-8"
NO_READINGS: Final = "no readings yet"


class RangeError(PastError):
    """A range of another length than there are."""


class Pages:
    """The handlers of the pages; what they show is rendered once for all clients."""

    def __init__(
        self, publisher: Publisher, cache: StatusCache, past: Past, members: Members
    ) -> None:
        self._publisher = publisher
        self._cache = cache
        self._past = past
        self._members = members

    async def status(self, request: web.Request) -> web.Response:
        """The status page."""
        view = View.of(request.query)
        try:
            _check_range(request)
            rendered = await self._rendered(view)
            if rendered is None:
                return unavailable(headers={"Refresh": "2"})
            charts = None
            if view.span is not None and self._past.path:
                status = await rendered.status()
                trail, found = await self._past.limits(status.time, view.span)
                events = [_happened(event) for event in found.events]
                charts = history.Limits(trail.points, trail.unread + found.unread, events)
            page = await rendered.html(Query.of(request.query, view), view, charts)
            return response(request, page, HTML)
        except (PastError, BusyError) as error:
            return await self._refused(error, view, "/")

    async def vm(self, request: web.Request) -> web.Response:
        """The page of a VM."""
        view, name = View.of(request.query), request.match_info["name"]
        try:
            _check_range(request)
            rendered = await self._rendered(view)
            if rendered is None:
                return unavailable(headers={"Refresh": "2"})
            row = await rendered.vm_row(name)
            if row is None:
                missing = await rendered.no_vm(name)
                return web.Response(status=404, body=missing, headers={"Content-Type": HTML})
            charts = None
            if view.span is not None and self._past.path:
                status = await rendered.status()
                trail = await self._past.vm(row.uuid, status.time, view.span)
                charts = history.OfVm(trail.points, trail.unread)
            return response(request, await rendered.vm(name, view, charts), HTML)
        except (PastError, BusyError) as error:
            return await self._refused(error, view, request.path)

    async def pool(self, request: web.Request) -> web.Response:
        """The page of the pool."""
        rendered = self.newest()
        if rendered is None:
            return unavailable(headers={"Refresh": "2"})
        others = await self._members.answers()
        if others is None:
            text = "the members are being queried for others; retry later\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "5"})
        return response(request, await rendered.pool(others), HTML)

    async def _rendered(self, view: View) -> RenderedStatus | None:
        """The status that is asked for, `None` while there is none."""
        if view.at:
            return self._cache.of_past(*await self._past.at(view.at))
        return self.newest()

    def newest(self) -> RenderedStatus | None:
        """The newest status, `None` while there is none."""
        found = self._publisher.newest
        if found is None:
            return None
        return self._cache.rendered(found.assessment, self._publisher.earlier.snapshot)

    async def _refused(self, error: PastError | BusyError, view: View, path: str) -> web.Response:
        if isinstance(error, BusyError):
            text = "the record is being read for others, or the disk hangs; retry later\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "5"})
        newest = self.newest()
        if newest is None:
            return unavailable()
        title = "No such range" if isinstance(error, RangeError) else "No such moment"
        body = await newest.no_past(title, str(error), view, path if self._past.path else "")
        return web.Response(status=404, body=body, headers={"Content-Type": HTML})


def _happened(event: Event) -> Happened:
    """An event as the page lists it."""
    before, vms, after = parts(event)
    there = event.what not in (STOPPED, ENDED)
    severity = event.severity if event.what != ENDED else ""
    named = [(vm.name or vm.uuid, vm.uuid if there else "") for vm in vms]
    return Happened(event.time, severity, before, named, after)


def _check_range(request: web.Request) -> None:
    """Raises `RangeError` for a range that there is not: the page would show none."""
    given = request.query.get("range", "")
    if given and given not in SPANS:
        raise RangeError(f"{shown(given)} is not a range; there are: {', '.join(SPANS)}")


def unavailable(headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer while there are no readings."""
    return web.Response(status=503, text=f"{NO_READINGS}; retry shortly\n", headers=headers)


def compressed(request: web.Request) -> bool:
    """Whether the client takes gzip."""
    return wants_gzip(",".join(request.headers.getall("Accept-Encoding", [])))


def response(request: web.Request, body: Body, content_type: str) -> web.Response:
    """The body in the encoding the client accepts; caches must revalidate it."""
    headers = {"Content-Type": content_type, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if compressed(request):
        return web.Response(body=body.gzip, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=body.plain, headers=headers)
