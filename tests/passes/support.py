"""Probes for tests of the scheduler, and publishers whose scheduler stands still."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import AsyncIterator

from tests.fake_clock import FakeClock, running
from tests.sources.fakes import TableSource
from xenwatch.assessment import Rules
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.passes.publisher import DELAY, AssessedPass, Publisher
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes.base import Probe
from xenwatch.progress import Sign
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Source, SourceError

SOURCE = TableSource()
RULES = Rules()
NEVER = {limit.name: Thresholds(None, None) for limit in LIMITS}


class Script:
    """A probe's read that counts its calls, and hangs or fails in those it is told to.

    A call that succeeds gives its number to the next one as its memory.
    """

    def __init__(self, hang: tuple[int, ...] = (), fail: tuple[int, ...] = ()) -> None:
        self.calls = 0
        self.contexts: list[Snapshot] = []
        self.memories: list[int] = []
        self._gate = threading.Semaphore(0)
        self._hang, self._fail = hang, fail

    def __call__(self, _source: Source, context: Snapshot, memory: int) -> tuple[Irqs, int]:
        self.calls += 1
        call = self.calls
        self.contexts.append(context)
        self.memories.append(memory)
        if call in self._hang:
            self._gate.acquire()
        if call in self._fail:
            raise SourceError("/proc/interrupts", "I/O error")
        return Irqs(call), call

    def release(self) -> None:
        """Let one call that hangs go on, now or when it comes."""
        self._gate.release()


def still(_thread: int | None) -> Sign:
    """The sign of a thread that hangs."""
    return Sign(0.0)


def probe(read: Script, name: str = "irqs", **more: object) -> Probe:
    """A probe of that read, every 10 s with a deadline of 5 s."""
    fixed = Probe(name, "a file", "look at it", read, 0, interval=10.0, deadline=5.0)
    return dataclasses.replace(fixed, **more)  # type: ignore[arg-type]


def status(scheduler: Scheduler, name: str = "irqs") -> Status | None:
    """How the probe's last run ended, `None` before it has."""
    outcome = scheduler.snapshot.outcomes.get(name)
    return outcome.status if outcome else None


def publisher(snapshot: Snapshot, clock: FakeClock) -> tuple[Scheduler, Publisher]:
    """A publisher of an scheduler that has read that snapshot and now stands still."""
    scheduler = Scheduler(TableSource(), [], clock)
    scheduler.snapshot = snapshot
    return scheduler, Publisher(scheduler, Rules(NEVER), clock)


async def assessed(
    clock: FakeClock, published: Publisher, before: AssessedPass | None
) -> AssessedPass:
    """The pass after `before`."""
    while published.newest is before or published.newest is None:
        await clock.advance(DELAY)
    return published.newest


@contextlib.asynccontextmanager
async def first_pass(
    clock: FakeClock, snapshot: Snapshot
) -> AsyncIterator[tuple[Scheduler, Publisher, AssessedPass]]:
    """A publisher that runs for the time of a block, its scheduler, and the first pass."""
    scheduler, published = publisher(snapshot, clock)
    scheduler.ready.set()
    async with running(published.run()):
        scheduler.changed.set()
        yield scheduler, published, await assessed(clock, published, None)
