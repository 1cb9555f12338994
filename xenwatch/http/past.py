"""The past for the pages: moments and trails of the record, read in threads, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from xenwatch import threads
from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record import times
from xenwatch.record.codec import CodecError
from xenwatch.record.past import judged, past
from xenwatch.record.record import Kept, Record
from xenwatch.record.trail import BUDGET, Trail, Trails
from xenwatch.report.past_events import Found, PastEvents
from xenwatch.sources.base import SourceError
from xenwatch.status.history import VM_READINGS, Span, Use, VmUse, limits_use, vm_use

DEADLINE: Final = 20.0
"""Seconds that a client waits for the disk; the reading goes on, and the next one waits for it."""
WAITING: Final = 8
"""Requests that wait for their turn; one more is refused."""
MOMENTS: Final = 4
"""Moments that are kept assessed."""
DOMAINS: Final = 500
"""Domains of all moments but the last one that are kept: of large hosts that is one alone."""
BEFORE: Final = 300.0
"""How many seconds earlier the moment is that rates of a past moment are taken from."""

T = TypeVar("T")


class PastError(Exception):
    """The past cannot be shown as requested; the text says why."""


class BusyError(Exception):
    """Too many requests for the past at a time, or the disk hangs."""


class Past:
    """The record at `path`, empty where there is none. Methods raise `PastError`, `BusyError`."""

    def __init__(self, path: str, rules: Callable[[], Rules]) -> None:
        self.path = path
        self._rules = rules
        self._trails = Trails(path)
        self._events = PastEvents(path)
        self._moments: OrderedDict[Kept, tuple[Assessment, Snapshot | None]] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def at(self, text: str) -> tuple[Assessment, Snapshot | None]:
        """The newest moment at or before a time as typed by people, and an earlier one."""
        try:
            when = times.parse(text, time.time())
        except ValueError as error:
            raise PastError(str(error)) from None
        return await self._run(lambda: self._moment(when))

    async def limits(self, end: float, span: Span) -> tuple[Trail[dict[str, Use]], Found]:
        """The limits over a range that ends at a Unix time, and what happened in it."""
        thresholds = self._rules().thresholds
        range_ = end - span.seconds, end, span.step

        def make(snapshot: Snapshot) -> dict[str, Use]:
            return dict(limits_use(snapshot, thresholds))

        def work() -> tuple[Trail[dict[str, Use]], Found]:
            began = time.monotonic()
            trail = self._trails.trail("limits", range_, make)
            left = BUDGET - (time.monotonic() - began)
            events_range = end - span.seconds, end, span.events_step
            return trail, self._events.events(events_range, left, time.time())

        return await self._run(work)

    async def vm(self, uuid: str, end: float, span: Span) -> Trail[VmUse | None]:
        """A VM over a range that ends at a Unix time."""
        range_ = end - span.seconds, end, span.step

        def make(snapshot: Snapshot) -> VmUse | None:
            return vm_use(snapshot, uuid)

        return await self._run(lambda: self._trails.trail(uuid, range_, make, VM_READINGS))

    def _moment(self, when: float) -> tuple[Assessment, Snapshot | None]:
        record = Record(self.path)
        kept = record.at(when)
        if kept not in self._moments:
            then = past(*record.load(kept), self.path)
            assessment = judged(assess_pass(then.snapshot, self._rules()), then)
            self._moments[kept] = assessment, self._before(record, kept)
        self._moments.move_to_end(kept)
        while len(self._moments) > MOMENTS or self._others() > DOMAINS:
            self._moments.popitem(last=False)
        return self._moments[kept]

    def _others(self) -> int:
        """The domains of the moments that are kept besides the last one asked for."""
        others = list(self._moments.values())[:-1]
        read = (assessment.snapshot.domains for assessment, _ in others)
        return sum(len(found.domains) for found in read if found is not None)

    def _before(self, record: Record, kept: Kept) -> Snapshot | None:
        try:
            return past(*record.load(record.at(kept.time - BEFORE)), self.path).snapshot
        except (SourceError, CodecError):
            return None

    async def _run(self, work: Callable[[], T]) -> T:
        if not self.path:
            raise PastError("nothing is recorded: no state directory, or record.enabled is false")
        if self._waiting >= WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with asyncio.timeout(DEADLINE):
                await self._turn.acquire()
                return await self._read(work)
        except TimeoutError:
            raise BusyError from None
        except (SourceError, CodecError) as error:
            raise PastError(str(error)) from error
        finally:
            self._waiting -= 1

    async def _read(self, work: Callable[[], T]) -> T:
        """What a thread reads; the turn ends with the work, whoever still waits for it."""
        future = threads.start(work, "past")
        future.add_done_callback(lambda _: self._turn.release())
        return await asyncio.shield(future)
