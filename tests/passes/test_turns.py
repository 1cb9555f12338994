"""Turns: one computes at a time, and what waits in the kernel holds nobody up."""

from __future__ import annotations

import asyncio
import threading

from tests.fake_clock import FakeClock, running, settle, until
from tests.passes.support import SOURCE, Script, probe, still
from xenwatch.passes.scheduler import Scheduler
from xenwatch.passes.turns import LONGEST, Turns
from xenwatch.probes.base import DOMAIN
from xenwatch.progress import LOOK, Sign
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

NAMES = ("irqs", "pids", "aio", "ptys", "memory")


class Counted:
    """A read that counts how many run at the same time."""

    def __init__(self) -> None:
        self.most = self.running = self.calls = 0
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def __call__(self, _source: Source, _context: Snapshot, _memory: object) -> tuple[Irqs, int]:
        with self._lock:
            self.running += 1
            self.calls += 1
            self.most = max(self.most, self.running)
        self._pause.wait(0.001)  # so that another one could begin
        with self._lock:
            self.running -= 1
        return Irqs(1), 1


def runs(_thread: int | None) -> Sign:
    """The sign of a thread that computes."""
    return Sign(0.0, runnable=True)


async def test_probes_begin_one_after_another() -> None:
    """At the start, at a tick and after an event, a probe begins when the one before has ended."""
    clock, read = FakeClock(), Counted()
    probes = [probe(read, name, events=frozenset({DOMAIN})) for name in NAMES]  # type: ignore[arg-type]
    scheduler = Scheduler(SOURCE, probes, clock, runs)
    async with running(scheduler.run()):
        await until(scheduler, lambda: read.calls == 5 and not read.running)
        scheduler.trigger(DOMAIN)
        await clock.advance(1)
        await until(scheduler, lambda: read.calls == 10 and not read.running)
        await clock.advance(9)
        await until(scheduler, lambda: read.calls == 15 and not read.running)

    assert read.most == 1


async def test_a_probe_that_waits_holds_no_other_up() -> None:
    """Once its thread stands still from one look to the next, another probe runs."""
    clock, first, waits, other = FakeClock(), Script(), Script(hang=(1,)), Script()
    probes = [probe(first), probe(waits, "pids"), probe(other, "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, still)
    async with running(scheduler.run()):
        await until(scheduler, lambda: "irqs" in scheduler.snapshot.outcomes)
        assert other.calls == 0
        await clock.advance(LOOK)
        await until(scheduler, lambda: "aio" in scheduler.snapshot.outcomes)
        assert "pids" not in scheduler.snapshot.outcomes
    waits.release()


async def test_a_probe_that_computes_has_its_turn_for_some_seconds_at_most() -> None:
    """One that does not end, waiting for a CPU or not, does not keep the others from theirs."""
    clock, first, endless, other = FakeClock(), Script(), Script(hang=(1,)), Script()
    probes = [probe(first), probe(endless, "pids", deadline=60.0), probe(other, "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, runs)
    async with running(scheduler.run()):
        await until(scheduler, lambda: "irqs" in scheduler.snapshot.outcomes)
        await clock.advance(LONGEST - LOOK)
        assert other.calls == 0
        await clock.advance(LOOK)
        await until(scheduler, lambda: "aio" in scheduler.snapshot.outcomes)
    endless.release()


async def test_a_probe_switched_off_while_it_waits_for_its_turn_is_not_run() -> None:
    """What it would read is not read any more."""
    clock, first, waits, other = FakeClock(), Script(), Script(hang=(1,)), Script()
    probes = [probe(first), probe(waits, "pids"), probe(other, "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, runs)
    async with running(scheduler.run()):
        await until(scheduler, lambda: "irqs" in scheduler.snapshot.outcomes)
        await settle()
        scheduler.configure([probe(other, "aio", enabled=False)])
        waits.release()
        await until(scheduler, lambda: "pids" in scheduler.snapshot.outcomes)
        await clock.advance(30)

    assert other.calls == 0


async def test_turns_are_given_in_the_order_of_asking() -> None:
    """Who asks first, is first; one that gives up waiting keeps nobody from theirs."""
    turns, order = Turns(FakeClock()), []

    async def take(name: str) -> None:
        async with turns.turn():
            order.append(name)

    async with turns.turn():
        tasks = [asyncio.create_task(take(name)) for name in "abc"]
        await settle()
        tasks[1].cancel()
        assert order == []
    await asyncio.wait(tasks)

    assert order == ["a", "c"]


async def test_a_turn_ends_once() -> None:
    """Ended early, it is not ended again by its block, when another has the next one."""
    turns = Turns(FakeClock())
    async with turns.turn() as early:
        early.end()
        async with turns.turn() as second:
            early.end()
            third = asyncio.create_task(turns.turn().__aenter__())
            await settle()
            assert not third.done()
            second.end()
            await third
