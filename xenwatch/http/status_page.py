"""The status page and the host's status as JSON: rendered on the first request, then cached.

Passes that nobody requests cost nothing.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Final, NamedTuple, TypeVar, cast

from xenwatch import page, threads
from xenwatch.assessment import Assessment
from xenwatch.page import history
from xenwatch.page import pool as pool_page
from xenwatch.page import vm as vm_page
from xenwatch.page.document import Links
from xenwatch.page.domains import ALL, Query
from xenwatch.page.history import NOW, View
from xenwatch.page.html import Html
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status import activity
from xenwatch.status import vm as vm_status
from xenwatch.status.dom0 import dom0
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import HostStatus, dumps, host_status
from xenwatch.status.pool import Hosts, host_row, host_rows

STATIC: Final = "/static/"
"""The path below which the files of the status page are."""
LANE: Final = threads.Lane("page")
"""What is asked for by people and schedulers, one at a time."""

KEPT: Final = ("status", "json", "frame", "html", "pool")
"""What is rendered of a pass for everybody, kept as long as the pass is."""
OTHERS: Final = 16
"""Other pages of a pass that are kept, such as those of VMs: there may be thousands."""

T = TypeVar("T")


class Body(NamedTuple):
    """The body of a response, as it is and compressed."""

    plain: bytes
    gzip: bytes


class StaticFile(NamedTuple):
    """A file of the status page. `path` is where it is served; it changes with the content."""

    path: str
    content_type: str
    content: bytes


def static_files() -> Mapping[str, StaticFile]:
    """The files of the status page by name, read from the package."""
    found: dict[str, StaticFile] = {}
    for file in (resources.files(page) / "static").iterdir():
        content = file.read_bytes()
        content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        digest = hashlib.sha256(content).hexdigest()[:12]
        path = f"{STATIC}{digest}/{file.name}"
        found[file.name] = StaticFile(path, content_type, content)
    return found


class RenderedStatus:
    """The status that follows from `assessment`, and what is rendered of it.

    Each document is rendered at most once, in a thread, when it is first requested; a filtered page
    is the frame of the page with other domains.
    """

    def __init__(
        self,
        assessment: Assessment,
        hostname: str,
        links: Links,
        earlier: Snapshot | None = None,
    ) -> None:
        self.assessment = assessment
        self._earlier = earlier
        self._hostname = hostname
        self._links = links
        self._results: dict[str, asyncio.Future[Any]] = {}
        self._others = Hosts()

    async def json(self) -> Body:
        """The status as JSON."""
        status = await self.status()
        return await self._once("json", lambda: _body(dumps(status).encode()))

    async def activity(self) -> Body:
        """What the VMs do, as JSON."""
        snapshot = self.assessment.snapshot
        return await self._once(
            "activity", lambda: _body(activity.dumps(activity.activity(snapshot)).encode())
        )

    async def html(
        self, query: Query = ALL, view: View = NOW, charts: history.Limits | None = None
    ) -> Body:
        """The status page, its domains as asked by `query`, with the `charts` of a range."""
        status, frame = await self.status(), await self._frame(view, charts)

        def work() -> Body:
            return _body(page.fill(frame, status, query, self.assessment.fence))

        if query != ALL:
            return await LANE.start(work)
        return await self._once(f"html{_key(view, charts)}", work)

    async def vm_row(self, name: str) -> DomainRow | None:
        """The VM of that UUID, name or domid, `None` where there is none."""
        return next(iter(vm_status.find(await self.status(), name)), None)

    async def vm(self, name: str, view: View = NOW, charts: history.OfVm | None = None) -> Body:
        """The page of a VM that is there, with the `charts` of a range."""
        status = await self.status()
        row, *others = vm_status.find(status, name)
        fence = self.assessment.fence

        def work() -> Body:
            of = vm_status.vm_status(self.assessment, status, row, self._earlier)
            past = vm_page.Past(view, charts)
            return _body(vm_page.render(status, of, others, self._links, past=past, fence=fence))

        # What is made lasts as long as the readings: a stranger can have each page made once.
        return await self._once(f"vm {row.domid} {len(others)}{_key(view, charts)}", work)

    async def no_vm(self, name: str) -> bytes:
        """The page for a VM that does not exist."""
        status = await self.status()
        return await LANE.start(lambda: vm_page.missing(name, status, self._links))

    async def no_past(self, title: str, text: str, view: View, path: str) -> bytes:
        """The page where a moment or a range cannot be shown, with others to choose at `path`."""
        status = await self.status()

        def work() -> bytes:
            again = View(span=view.span)
            controls = history.controls(status, again, path) if path else None  # there is no record
            return vm_page.said(title, text, status, self._links, controls)

        return await LANE.start(work)

    async def pool(self, others: Hosts) -> Body:
        """The page of a pool: this host and others; rendered once for the same answers."""
        status = await self.status()

        def work() -> Body:
            rows = host_rows((host_row("", status), *others.rows), status.time)
            return _body(pool_page.render(rows, status, self._links, others.left_out))

        if self._others is not others:
            self._others = others
            self._results.pop("pool", None)
        return await self._once("pool", work)

    async def status(self) -> HostStatus:
        """The status itself."""
        work = functools.partial(host_status, self.assessment, PROBES, self._hostname)
        return await self._once("status", work)

    async def _frame(self, view: View, charts: history.Limits | None) -> Html:
        status = await self.status()
        assessment = self.assessment
        series, now = assessment.history.series, assessment.snapshot.instant
        about = functools.partial(dom0, assessment.snapshot, self._earlier)
        return await self._once(
            f"frame{_key(view, charts)}",
            lambda: page.frame(
                status,
                series,
                now,
                self._links,
                assessment.fence,
                about_dom0=about,
                view=view,
                charts=charts,
            ),
        )

    async def _once(self, name: str, work: Callable[[], T]) -> T:
        """The result of `work`, run once for all concurrent requests."""
        if name not in self._results:
            made = [each for each in self._results if each not in KEPT]
            for old in made[: max(0, len(made) - OTHERS)]:
                del self._results[old]
            self._results[name] = LANE.start(work)
        return cast(T, await asyncio.shield(self._results[name]))


class StatusCache:
    """Keeps what is rendered of the newest assessment. `links` are the page's."""

    def __init__(self, hostname: str, links: Links) -> None:
        self._hostname = hostname
        self._links = links
        self._newest: RenderedStatus | None = None
        self._past: RenderedStatus | None = None

    def rendered(self, assessment: Assessment, earlier: Snapshot | None = None) -> RenderedStatus:
        """The rendered status of an assessment; rates are those since an `earlier` snapshot."""
        if self._newest is None or self._newest.assessment is not assessment:
            self._newest = RenderedStatus(assessment, self._hostname, self._links, earlier)
        return self._newest

    def of_past(self, assessment: Assessment, earlier: Snapshot | None) -> RenderedStatus:
        """The rendered status of a moment of the past; the last one is kept."""
        if self._past is None or self._past.assessment is not assessment:
            self._past = RenderedStatus(assessment, self._hostname, self._links, earlier)
        return self._past


def _key(view: View, charts: history.Limits | history.OfVm | None) -> str:
    """What a page depends on besides its status: its links have the time as it was typed."""
    return (
        f" {view.at} {view.span.name} {charts.unread}"
        if view.span and charts
        else f" {view.at}".rstrip()
    )


def _body(plain: bytes) -> Body:
    return Body(plain, gzip.compress(plain, compresslevel=1, mtime=0))
