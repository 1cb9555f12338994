"""Starved is not hung: what is judged is whether a thread gets on, not how long it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running, until
from tests.passes.support import SOURCE, Script, probe, status, still
from xenwatch import progress
from xenwatch.passes.one_pass import one_pass
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes.base import Probe
from xenwatch.progress import LATE_MAX, Sign
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source, SourceError

Look = Callable[[int | None], Sign | None]


@pytest.fixture
def slow() -> Iterator[Script]:
    """A read whose second call lasts until the test ends, or releases it."""
    script = Script(hang=(2,))
    yield script
    script.release()


def gets_on(clock: FakeClock, until: float = 1e9, part: float = 0.01) -> Look:
    """The sign of a thread that gets a part of a CPU, until it hangs."""
    return lambda _thread: Sign(min(clock.now, until) * part)


def waits_for_a_cpu(_thread: int | None) -> Sign:
    """The sign of a thread that is given no CPU."""
    return Sign(0.0, runnable=True)


def outcome(scheduler: Scheduler) -> Outcome:
    """How the run that is shown went."""
    return scheduler.snapshot.outcomes["irqs"]


async def second_run(scheduler: Scheduler, clock: FakeClock, read: Script) -> None:
    """Go on until the second run has begun, ten seconds after the first."""
    await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(1))
    await clock.advance(10)
    while read.calls < 2:
        await clock.advance(0)


@pytest.mark.parametrize("waits", [False, True], ids=["gets little", "waits for a CPU"])
async def test_a_starved_run_fails_nothing_and_is_shown_with_its_time(waits: bool) -> None:
    """Past its deadline the reading before stays, with its time; then comes the late one's."""
    clock, slow = FakeClock(), Script(hang=(2, 3))
    look = waits_for_a_cpu if waits else gets_on(clock)
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, look)
    async with running(scheduler.run()):
        await second_run(scheduler, clock, slow)
        assert not outcome(scheduler).starved
        await clock.advance(60)
        assert scheduler.snapshot.irqs == Irqs(1)
        assert outcome(scheduler) == Outcome(
            Status.OK,
            "starved: not done after 5 s; this is the reading before",
            0.0,
            outcome(scheduler).seconds,
            outcome(scheduler).cpu_seconds,
            starved=True,
        )
        slow.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(2))

        assert (status(scheduler), outcome(scheduler).instant) == (Status.OK, 10.0)
        assert outcome(scheduler).starved
        assert outcome(scheduler).detail.startswith("starved: took ")
        slow.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(3))
        assert not outcome(scheduler).starved
        assert slow.memories == [0, 1, 2]


async def test_a_first_run_that_is_starved_has_no_reading_to_show() -> None:
    """It has failed for now, so that the daemon is ready, and what it brings is shown."""
    clock, read = FakeClock(), Script(hang=(1,))
    scheduler = Scheduler(SOURCE, [probe(read)], clock, gets_on(clock))
    async with running(scheduler.run()):
        await clock.advance(5)
        assert scheduler.ready.is_set()
        assert status(scheduler) is Status.FAILED
        assert outcome(scheduler).detail == "starved: not done after 5 s, and no reading before"
        assert scheduler.snapshot.irqs is None
        read.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(1))
        assert outcome(scheduler).instant == 0.0


async def test_a_run_that_hangs_later_is_hung(slow: Script) -> None:
    """One that got on and then stands still for half its deadline costs its reading."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, gets_on(clock, until=14.0))
    async with running(scheduler.run()):
        await second_run(scheduler, clock, slow)
        await clock.advance(5)
        assert scheduler.snapshot.irqs == Irqs(1)
        await clock.advance(2.5)
        assert scheduler.snapshot.irqs is None
        assert outcome(scheduler).detail == "timed out after 5 s; the read still hangs"
        assert not outcome(scheduler).starved


async def test_a_run_that_only_computes_is_not_starved(slow: Script) -> None:
    """One that had its deadline in CPU time has failed: nothing keeps it from ending."""
    clock = FakeClock()
    look = gets_on(clock, part=1.0)
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, look)
    async with running(scheduler.run()):
        await second_run(scheduler, clock, slow)
        await clock.advance(5)

        assert scheduler.snapshot.irqs is None
        assert outcome(scheduler).detail == "not done after 5 s of CPU time"


async def test_a_reading_is_not_kept_for_ever(slow: Script) -> None:
    """After five minutes a starved probe has failed, and what that run brings is dropped."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, waits_for_a_cpu)
    async with running(scheduler.run()):
        await second_run(scheduler, clock, slow)
        await clock.advance(LATE_MAX - 1)
        assert scheduler.snapshot.irqs == Irqs(1)
        await clock.advance(1)
        assert scheduler.snapshot.irqs is None
        assert outcome(scheduler).detail == "starved: not done after 300 s"
        slow.release()
        await until(scheduler, lambda: scheduler.snapshot.irqs is not None)
        assert scheduler.snapshot.irqs == Irqs(3)


async def test_a_probe_that_was_off_has_no_reading_before(slow: Script) -> None:
    """Switched on again, a starved probe shows neither an old reading nor that it is disabled."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, waits_for_a_cpu)
    async with running(scheduler.run()):
        await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(1))
        scheduler.configure([probe(slow, enabled=False)])
        await clock.advance(10)
        scheduler.configure([probe(slow)])
        while slow.calls < 2:
            await clock.advance(0)
        await clock.advance(5)
        assert outcome(scheduler).detail == "starved: not done after 5 s, and no reading before"


async def test_starvation_is_logged_when_it_begins_and_ends(slow: Script) -> None:
    """Once each, with the reason."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, waits_for_a_cpu)
    with capture_logs() as logs:
        async with running(scheduler.run()):
            await second_run(scheduler, clock, slow)
            await clock.advance(60)
            slow.release()
            await until(scheduler, lambda: scheduler.snapshot.irqs == Irqs(3))

    said = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert said == ["probe starved", "probe recovered"]


async def test_what_gets_on_moves_and_what_hangs_does_not(slow: Script) -> None:
    """The watchdog is fed by a run that gets on, and no more by one that is given up."""
    clock = FakeClock()
    scheduler = Scheduler(SOURCE, [probe(slow)], clock, gets_on(clock, until=60.0))
    async with running(scheduler.run()):
        await second_run(scheduler, clock, slow)
        before = scheduler.moved
        await clock.advance(40)
        assert scheduler.moved > before
        await clock.advance(20)
        before = scheduler.moved
        await clock.advance(600)
        assert scheduler.moved == before


class Blocked:
    """A read that lasts until it was looked at often enough."""

    def __init__(self, looks: int, sign: Sign) -> None:
        self._left = looks
        self._sign = sign
        self._gate = threading.Event()

    def look(self, _thread: int | None) -> Sign:
        """The same sign each time."""
        self._left -= 1
        if not self._left:
            self._gate.set()
        return self._sign

    def read(self, _source: Source, _context: Snapshot, _memory: object) -> tuple[Irqs, None]:
        """The reading, at last."""
        if not self._gate.wait(60):
            raise SourceError("the test", "nobody looked")
        return Irqs(1), None


def test_one_pass_waits_for_a_probe_that_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single pass, too, has a late result, and says so."""
    blocked = Blocked(4, Sign(0.0, runnable=True))
    monkeypatch.setattr(progress, "look", blocked.look)
    blocked_probe = Probe("irqs", "a file", "look at it", blocked.read, deadline=0.001)
    snapshot = one_pass(SOURCE, [blocked_probe]).snapshot

    assert snapshot.irqs == Irqs(1)
    assert snapshot.outcomes["irqs"].detail.startswith("starved: took ")


def test_one_pass_does_not_wait_for_one_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has had no CPU time fails at its deadline."""
    monkeypatch.setattr(progress, "look", still)
    script = Script(hang=(1,))
    snapshot = one_pass(SOURCE, [probe(script, deadline=0.001)]).snapshot
    script.release()

    assert snapshot.outcomes["irqs"].detail == "timed out after 0.001 s; the read still hangs"
