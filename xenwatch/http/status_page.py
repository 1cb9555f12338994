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
from xenwatch.page import vm as vm_page
from xenwatch.page.document import Links
from xenwatch.page.domains import ALL, Query
from xenwatch.page.html import Html
from xenwatch.probes import PROBES
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status import vm as vm_status
from xenwatch.status.dom0 import dom0
from xenwatch.status.host_status import HostStatus, dumps, host_status

STATIC: Final = "/static/"
"""The path below which the files of the status page are."""
LANE: Final = threads.Lane("page")
"""What is asked for by people and schedulers, one at a time."""

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

    async def json(self) -> Body:
        """The status as JSON."""
        status = await self.status()
        return await self._once("json", lambda: _body(dumps(status).encode()))

    async def html(self, query: Query = ALL) -> Body:
        """The status page, its domains as asked by `query`."""
        status, frame = await self.status(), await self._frame()

        def work() -> Body:
            return _body(page.fill(frame, status, query, self.assessment.fence))

        return await (LANE.start(work) if query != ALL else self._once("html", work))

    async def vm(self, name: str) -> Body | None:
        """The page of a VM, by UUID, name or domid; `None` where there is none called so."""
        status = await self.status()
        found = vm_status.find(status, name)
        if not found:
            return None
        row, fence = found[0], self.assessment.fence

        def work() -> Body:
            of = vm_status.vm_status(self.assessment, status, row, self._earlier)
            return _body(vm_page.render(status, of, found[1:], self._links, fence=fence))

        # One that is made lasts as long as the readings: a stranger can have each made once.
        return await self._once(f"vm {row.domid} {len(found)}", work)

    async def no_vm(self, name: str) -> bytes:
        """The page that says that no VM is called so."""
        status = await self.status()
        return await LANE.start(lambda: vm_page.missing(name, status, self._links))

    async def status(self) -> HostStatus:
        """The status itself."""
        work = functools.partial(host_status, self.assessment, PROBES, self._hostname)
        return await self._once("status", work)

    async def _frame(self) -> Html:
        status = await self.status()
        assessment = self.assessment
        series, now = assessment.history.series, assessment.snapshot.instant
        about = functools.partial(dom0, assessment.snapshot, self._earlier)
        return await self._once(
            "frame",
            lambda: page.frame(
                status, series, now, self._links, assessment.fence, about_dom0=about
            ),
        )

    async def _once(self, name: str, work: Callable[[], T]) -> T:
        """The result of `work`, run once for all concurrent requests."""
        if name not in self._results:
            self._results[name] = LANE.start(work)
        return cast(T, await asyncio.shield(self._results[name]))


class StatusCache:
    """Keeps what is rendered of the newest assessment. `links` are the page's."""

    def __init__(self, hostname: str, links: Links) -> None:
        self._hostname = hostname
        self._links = links
        self._newest: RenderedStatus | None = None

    def rendered(self, assessment: Assessment, earlier: Snapshot | None = None) -> RenderedStatus:
        """The rendered status of an assessment; rates are those since an `earlier` snapshot."""
        if self._newest is None or self._newest.assessment is not assessment:
            self._newest = RenderedStatus(assessment, self._hostname, self._links, earlier)
        return self._newest


def _body(plain: bytes) -> Body:
    return Body(plain, gzip.compress(plain, compresslevel=1, mtime=0))
