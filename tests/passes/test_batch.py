"""Batches: what is due runs in one thread, and no run of it is lost or sees an old memory."""

from __future__ import annotations

import contextvars
import threading
from collections import deque

import pytest

from tests.fake_clock import FakeClock, running, settle, until
from tests.passes.support import SOURCE, Script, probe, status, still
from xenwatch.passes.batch import Batch, Scheduled
from xenwatch.passes.scheduler import SOON, Scheduler
from xenwatch.probes.base import DOMAIN, Pass
from xenwatch.progress import LOOK, Sign
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Source

AGAIN = frozenset({DOMAIN})
SEEN: contextvars.ContextVar[int] = contextvars.ContextVar("SEEN", default=0)


async def test_a_run_after_one_that_was_left_behind_goes_on_from_its_memory() -> None:
    """It is due again while another batch runs, which began before that memory was there."""
    clock, first, waits, other = FakeClock(), Script(), Script(hang=(1,)), Script(hang=(1,))
    probes = [probe(first), probe(waits, "pids", events=AGAIN), probe(other, "aio")]
    signs = [Sign(0.0)]
    scheduler = Scheduler(SOURCE, probes, clock, lambda _: signs[0])
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler) is Status.OK)
        await clock.advance(LOOK)  # left behind, and the third begins
        signs[0] = Sign(0.0, runnable=True)
        while not other.calls:
            await settle()
        scheduler.trigger(DOMAIN)
        waits.release()
        await until(scheduler, lambda: status(scheduler, "pids") is Status.OK)
        await clock.advance(1)
        other.release()
        await until(scheduler, lambda: waits.calls == 2 and status(scheduler, "aio") is Status.OK)

    assert waits.memories == [0, 1]


async def test_what_came_back_is_shown_although_the_next_run_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that ends between a look and the one that leaves the next behind is not held up."""
    clock, first, quick, hangs = FakeClock(), Script(), Script(), Script(hang=(1,))
    probes = [probe(first), probe(quick, "pids"), probe(hangs, "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, still)
    late = [True]
    results = Batch.results

    def none_yet(batch: Batch) -> object:
        if "irqs" in scheduler.snapshot.outcomes and late and hangs.calls:
            late.clear()
            return []
        return results(batch)

    monkeypatch.setattr(Batch, "results", none_yet)
    async with running(scheduler.run()):
        while not hangs.calls:
            await settle()
        await clock.advance(LOOK)
        await until(scheduler, lambda: status(scheduler, "pids") is Status.OK)
        hangs.release()


async def test_without_threads_it_moves_and_is_not_tried_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon on a host out of threads is not hung, and an event changes nothing of that."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(Script(), events=AGAIN)], clock, still)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        async with running(scheduler.run()):
            await until(scheduler, lambda: status(scheduler) is Status.FAILED)
            scheduler.trigger(DOMAIN)
            before = scheduler.moved
            await clock.advance(3 * SOON)

    assert 1 <= scheduler.moved - before <= 4


async def test_whatever_a_read_raises_the_others_run() -> None:
    """A probe whose read ends the interpreter has failed, and is run again."""
    clock, first, other = FakeClock(), Script(), Script()

    class Leaves(Script):
        def __call__(self, source: Source, context: Snapshot, memory: int) -> tuple[Irqs, int]:
            found = super().__call__(source, context, memory)
            if self.calls == 1:
                raise SystemExit(3)
            return found

    leaves = Leaves()
    probes = [probe(first), probe(leaves, "pids"), probe(other, "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, still)
    async with running(scheduler.run()):
        await until(scheduler, scheduler.ready.is_set)
        assert "SystemExit" in scheduler.snapshot.outcomes["pids"].detail
        assert status(scheduler, "aio") is Status.OK
        await clock.advance(10)
        await until(scheduler, lambda: status(scheduler, "pids") is Status.OK)


def test_each_run_has_a_context_of_its_own() -> None:
    """What was read ahead for a run ends with it."""

    class Sets(Script):
        seen: tuple[int, ...] = ()

        def __call__(self, source: Source, context: Snapshot, memory: int) -> tuple[Irqs, int]:
            self.seen = (*self.seen, SEEN.get())
            SEEN.set(7)
            return super().__call__(source, context, memory)

    read = Sets()
    line = deque([Scheduled(probe(read)), Scheduled(probe(read, "pids"))])
    batch = Batch(line, SOURCE, Pass, FakeClock())
    contextvars.Context().run(batch.work)

    assert read.seen == (0, 0)
    assert len(batch.results()) == 2


def test_a_batch_that_has_ended_begins_nothing() -> None:
    """The daemon that ends closes its source."""
    read = Script()
    batch = Batch(deque([Scheduled(probe(read))]), SOURCE, Pass, FakeClock())
    batch.end()
    batch.work()

    assert not read.calls
