"""The readings of a tick become one pass, without a wait for what hangs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from tests.fake_clock import FakeClock, running, settle
from tests.passes.support import (
    NEVER,
    RULES,
    SOURCE,
    Script,
    assessed,
    probe,
    publisher,
    still,
)
from tests.support import full_snapshot
from xenwatch.assessment import Rules
from xenwatch.passes import publisher as publish
from xenwatch.passes.bodies import PLAIN
from xenwatch.passes.publisher import DELAY, GATHER, AssessedPass, Publisher, assess
from xenwatch.passes.scheduler import Scheduler
from xenwatch.progress import LOOK
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Snapshot]:
    """The snapshots to be assessed from now on, in place of which another is."""
    calls: list[Snapshot] = []
    made = assess(full_snapshot(), RULES)
    assert made.metrics[PLAIN]

    def count(snapshot: Snapshot, *_: object, **_more: object) -> AssessedPass:
        calls.append(snapshot)
        return dataclasses.replace(made)

    monkeypatch.setattr(publish, "assess", count)
    return calls


async def test_changes_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes within a short while are assessed together, and without change nothing is."""
    calls = counted(monkeypatch)
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    async with running(published.run()):
        for _ in range(4):
            scheduler.changed.set()
            await clock.advance(DELAY / 5)
        assert calls == []
        first = await assessed(clock, published, None)
        await clock.advance(100)
        assert len(calls) == 1
        scheduler.changed.set()
        await assessed(clock, published, first)
        assert len(calls) == 2


def call_of(reading: object) -> int:
    """Which call of its script a reading is from."""
    assert isinstance(reading, Irqs)
    return reading.used


@dataclasses.dataclass
class Ticking:
    """Two probes in the midst of their second tick: `irqs` has run, `pids` hangs."""

    clock: FakeClock
    slow: Script
    passes: list[Snapshot]


@contextlib.asynccontextmanager
async def second_tick(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ticking]:
    """The second tick of a scheduler with a publisher, for the time of the block."""
    passes = counted(monkeypatch)
    clock, quick, slow = FakeClock(), Script(), Script(hang=(2,))
    scheduler = Scheduler(SOURCE, [probe(quick), probe(slow, "pids")], clock, look=still)
    published = Publisher(scheduler, Rules(NEVER), clock)
    done = asyncio.Event()
    published.on_change = done.set
    async with running(scheduler.run()), running(published.run()):
        while not scheduler.ready.is_set():
            await settle()
        await clock.advance(DELAY)
        await done.wait()
        assert published.complete
        passes.clear()
        await clock.advance(10 - clock.now)
        while slow.calls < 2:
            await settle()
        await clock.advance(LOOK)  # what is back is seen when its thread is looked at
        while scheduler.snapshot.irqs == Irqs(1):
            await settle()
        yield Ticking(clock, slow, passes)
        slow.release()


async def test_the_readings_of_a_tick_make_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that takes longer than the others of its tick is waited for."""
    async with second_tick(monkeypatch) as tick:
        await tick.clock.advance(GATHER / 2)
        assert tick.passes == []
        tick.slow.release()
        while not tick.passes:
            await settle()

    assert [(call_of(each.irqs), call_of(each.pids)) for each in tick.passes] == [(2, 2)]


async def test_a_slow_probe_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings become a pass a second later at most, whatever still runs."""
    async with second_tick(monkeypatch) as tick:
        await tick.clock.advance(DELAY + GATHER)
        while not tick.passes:
            await settle()

    assert [(call_of(each.irqs), call_of(each.pids)) for each in tick.passes] == [(2, 1)]


async def test_a_run_past_its_deadline_is_not_waited_for() -> None:
    """A probe that hangs is idle once it has failed, however long its thread stays."""
    clock, hangs = FakeClock(), Script(hang=(1,))
    scheduler = Scheduler(SOURCE, [probe(hangs)], clock, look=still)
    async with running(scheduler.run()):
        idle = asyncio.create_task(scheduler.idle(100))
        await clock.advance(4)
        assert not idle.done()
        await clock.advance(1)
        assert idle.done()
        hangs.release()
