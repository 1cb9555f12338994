"""The scheduler: cadence, deadlines, events, and what a probe that hangs may cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import cast

import pytest
from blockbuster import blockbuster_ctx
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running, settle, until
from tests.passes.support import SOURCE, Script, probe, status, still
from xenwatch.passes.one_pass import one_pass
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes.base import DOMAIN, LINK, Pass, Probe, Result
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.processes import Pids
from xenwatch.readings.snapshot import Outcome, Status
from xenwatch.sources.base import Source


@pytest.fixture
def hanging() -> Iterator[Script]:
    """A read whose first call hangs until the test ends, or releases it."""
    script = Script(hang=(1,))
    yield script
    script.release()


def taken(scheduler: Scheduler, name: str = "irqs") -> float | None:
    """When the probe's last reading was taken."""
    outcome = scheduler.snapshot.outcomes.get(name)
    return outcome.instant if outcome else None


async def test_a_probe_that_hangs_costs_its_own_value_only(hanging: Script) -> None:
    """Past its deadline a hung probe has failed, without a value, and the others have theirs."""
    clock, good = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(good, "pids"), probe(hanging)], clock, still)
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler, "pids") is Status.OK)
        assert not scheduler.ready.is_set()
        await clock.advance(5)

        assert status(scheduler) is Status.FAILED
        assert "still hangs" in scheduler.snapshot.outcomes["irqs"].detail
        assert scheduler.snapshot.irqs is None
        assert scheduler.snapshot.pids == cast(Pids, Irqs(1))
        assert scheduler.ready.is_set()


async def test_the_first_probe_hanging_holds_no_other_for_longer_than_its_deadline(
    hanging: Script,
) -> None:
    """The other probes begin when the first has its result or is past its deadline."""
    clock, good = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(hanging), probe(good, "pids")], clock, still)
    async with running(scheduler.run()):
        await clock.advance(4)
        assert good.calls == 0
        await clock.advance(1)
        await until(scheduler, lambda: status(scheduler, "pids") is Status.OK)


async def test_ticks_of_a_hung_probe_are_skipped_and_counted(hanging: Script) -> None:
    """While its thread hangs a probe gets no second one, and each tick left out is counted."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(hanging)], clock, still)
    async with running(scheduler.run()):
        await clock.advance(35)

        assert scheduler.overruns == {"irqs": 3}
        assert hanging.calls == 1
        hanging.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs is not None or hanging.calls > 1)
        assert scheduler.overruns == {"irqs": 3}


async def test_what_a_hung_run_brings_is_dropped() -> None:
    """What a read that hung brings at last is never shown: the probe is run anew."""
    clock, twice = FakeClock(), Script(hang=(1, 2))
    scheduler = Scheduler(SOURCE, [probe(twice)], clock, still)
    async with running(scheduler.run()):
        await clock.advance(25)
        twice.release()
        while twice.calls < 2:
            await clock.advance(0.01)
        assert scheduler.snapshot.irqs is None
        assert status(scheduler) is Status.FAILED
        twice.release()
        await until(scheduler, lambda: status(scheduler) is Status.OK)

    assert scheduler.snapshot.irqs == Irqs(2)
    assert twice.memories == [0, 0]
    assert clock.now < 30


async def test_a_probe_runs_at_its_interval() -> None:
    """Runs begin at multiples of the interval, with the time of the reading in the outcome."""
    clock, read = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
    async with running(scheduler.run()):
        for call in (1, 2, 3):
            await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(call))  # noqa: B023
            assert taken(scheduler) == 10 * (call - 1)
            await clock.advance(9)
            assert read.calls == call
            await clock.advance(1)


def costly(seconds: float) -> object:
    """A stand-in for `probes.base.run` whose runs take that much CPU time."""

    def run(probe: Probe, source: Source, before: Pass, _clock: object) -> Result:
        reading, _ = probe.read(source, before.snapshot, 0)
        return Result(Outcome(Status.OK, cpu_seconds=seconds), reading)

    return run


async def test_a_costly_probe_runs_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval is stretched until the run's CPU time is within the probe's share of a core."""
    monkeypatch.setattr("xenwatch.passes.batch.run", costly(0.5))
    clock, read = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(read, share=0.02)], clock, still)
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler) is Status.OK)
        await clock.advance(29)
        assert read.calls == 1
        await clock.advance(1)
        await until(scheduler, lambda: read.calls == 2)


async def test_an_event_runs_the_probes_that_follow_it() -> None:
    """A kick runs the probes of that event ahead of their time, and no other."""
    clock, follows, other = FakeClock(), Script(), Script()
    probes = [probe(follows, events=frozenset({DOMAIN})), probe(other, "pids")]
    scheduler = Scheduler(SOURCE, probes, clock, still)
    async with running(scheduler.run()):
        await until(scheduler, scheduler.ready.is_set)
        await clock.advance(1)
        scheduler.trigger(LINK)
        await clock.advance(1)
        assert follows.calls == 1
        scheduler.trigger(DOMAIN)
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(2))

        assert clock.now == 2
        assert other.calls == 1


async def test_events_do_not_exceed_a_probes_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events there are, a probe rests until its last run is within its share."""
    monkeypatch.setattr("xenwatch.passes.batch.run", costly(0.1))
    clock, read = FakeClock(), Script()
    scheduler = Scheduler(
        SOURCE, [probe(read, share=0.05, events=frozenset({DOMAIN}))], clock, still
    )
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler) is Status.OK)
        for _ in range(19):
            scheduler.trigger(DOMAIN)
            await clock.advance(0.1)
        assert read.calls == 1
        await clock.advance(0.1)
        await until(scheduler, lambda: read.calls == 2)


async def test_an_event_during_a_run_is_not_lost(hanging: Script) -> None:
    """An event that comes while the probe reads makes it read again."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(hanging, events=frozenset({DOMAIN}))], clock, still)
    async with running(scheduler.run()):
        await settle()
        scheduler.trigger(DOMAIN)
        hanging.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(1))
        await clock.advance(1)
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(2))


async def test_a_probe_is_switched_off_and_on() -> None:
    """A probe switched off loses its value at once, and runs at once when switched on."""
    clock, read = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler) is Status.OK)
        scheduler.configure([probe(read, enabled=False)])
        assert status(scheduler) is Status.DISABLED
        assert scheduler.snapshot.irqs is None
        await clock.advance(30)
        assert read.calls == 1
        scheduler.configure([probe(read)])
        await until(scheduler, lambda: status(scheduler) is Status.OK)


async def test_a_probe_switched_off_while_it_runs_stays_off(hanging: Script) -> None:
    """The result of a run that ends after its probe was switched off is not shown."""
    scheduler = Scheduler(SOURCE, [probe(hanging)], FakeClock(), still)
    async with running(scheduler.run()):
        await settle()
        scheduler.configure([probe(hanging, enabled=False)])
        scheduler.changed.clear()
        hanging.release()
        await scheduler.changed.wait()

    assert scheduler.snapshot.irqs is None
    assert status(scheduler) is Status.DISABLED


async def test_no_thread_to_be_had_is_a_failure_of_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host out of threads fails the probe with the reason, and the scheduler goes on."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clock, read = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        async with running(scheduler.run()):
            await until(scheduler, lambda: status(scheduler) is Status.FAILED)

    assert "can't start new thread" in scheduler.snapshot.outcomes["irqs"].detail


async def test_a_probe_sees_what_the_first_one_read() -> None:
    """The first probe has its turn before the others, which are given its value."""
    first, second = Script(), Script()
    scheduler = Scheduler(SOURCE, [probe(first), probe(second, "pids")], FakeClock(), still)
    async with running(scheduler.run()):
        await until(scheduler, scheduler.ready.is_set)

    assert second.contexts[0].irqs == Irqs(1)


async def test_a_memory_goes_from_each_run_to_the_next() -> None:
    """A run is given what the last one that succeeded left, whatever failed in between."""
    clock, read, other = FakeClock(), Script(fail=(2, 3)), Script()
    scheduler = Scheduler(SOURCE, [probe(read), probe(other, "pids")], clock, still)
    both = ("irqs", "pids")
    async with running(scheduler.run()):
        for call in range(1, 6):
            due = 10 * (call - 1)
            await until(scheduler, lambda: {taken(scheduler, name) for name in both} == {due})  # noqa: B023
            await clock.advance(10)

    assert read.memories[:5] == [0, 1, 1, 1, 4]
    assert other.memories[:5] == [0, 1, 2, 3, 4]


async def test_a_memory_is_kept_while_its_probe_is_off() -> None:
    """A probe that is switched on again goes on where it was, not where a dropped run came to."""
    clock, read = FakeClock(), Script(hang=(2,))
    scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
    async with running(scheduler.run()):
        await until(scheduler, lambda: status(scheduler) is Status.OK)
        await clock.advance(10)
        scheduler.configure([probe(read, enabled=False)])
        scheduler.changed.clear()
        read.release()
        await scheduler.changed.wait()
        assert status(scheduler) is Status.DISABLED
        scheduler.configure([probe(read)])
        await clock.advance(10)
        await until(scheduler, lambda: status(scheduler) is Status.OK)

    assert read.memories[:3] == [0, 1, 1]


async def test_changes_are_logged_and_passes_are_not() -> None:
    """A probe that fails twice and recovers is logged twice: when it fails, when it recovers."""
    clock, read = FakeClock(), Script(fail=(2, 3))
    scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
    with capture_logs() as logs:
        async with running(scheduler.run()):
            for call in range(1, 6):
                due = 10 * (call - 1)
                await until(scheduler, lambda: taken(scheduler) == due)  # noqa: B023
                await clock.advance(10)

    said = [
        (entry["event"], entry.get("reason")) for entry in logs if entry["log_level"] != "debug"
    ]
    assert said == [
        ("probe failed", "/proc/interrupts: I/O error"),
        ("probe recovered", None),
    ]


async def test_the_engine_ends_while_a_probe_hangs(hanging: Script) -> None:
    """Cancelling the scheduler does not wait for a thread that hangs."""
    scheduler = Scheduler(SOURCE, [probe(hanging)], FakeClock(), still)
    task = asyncio.create_task(scheduler.run())
    await settle()
    task.cancel()
    await asyncio.wait((task,))

    assert task.cancelled()


async def test_scheduling_does_not_block_the_event_loop(hanging: Script) -> None:
    """A read that hangs, one that fails and one that succeeds leave the event loop free."""
    clock = FakeClock()
    probes = [probe(Script()), probe(hanging, "pids"), probe(Script(fail=(1,)), "aio")]
    scheduler = Scheduler(SOURCE, probes, clock, still)
    with blockbuster_ctx("xenwatch"):
        async with running(scheduler.run()):
            await clock.advance(5)
            await until(scheduler, scheduler.ready.is_set)
            await clock.advance(20)


def test_one_pass_does_not_wait_for_a_probe_that_hangs(hanging: Script) -> None:
    """In a single pass, too, a hung probe fails at its deadline and the next one runs."""
    probes = [probe(hanging, deadline=0.01), probe(Script(), "pids")]
    snapshot = one_pass(SOURCE, [*probes, probe(Script(), "aio", enabled=False)]).snapshot

    assert "still hangs" in snapshot.outcomes["irqs"].detail
    assert snapshot.irqs is None
    assert snapshot.outcomes["pids"].status is Status.OK
    assert snapshot.outcomes["aio"].status is Status.DISABLED


def test_a_second_pass_goes_on_from_the_first(hanging: Script) -> None:
    """It has the memories, those of probes that hung as they were, and readings not taken anew."""
    good = Script()
    first = one_pass(SOURCE, [probe(hanging, deadline=0.01), probe(good, "pids")])
    second = one_pass(SOURCE, [probe(good, "pids")], first)

    assert good.memories == [0, 1]
    assert (first.memories, second.memories) == ({"pids": 1}, {"pids": 2})
    assert second.snapshot.outcomes["irqs"] is first.snapshot.outcomes["irqs"]
