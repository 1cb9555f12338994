"""What changes with events alone is read after them, and seldom while none comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running, until
from tests.passes.support import SOURCE, Script, probe, still
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes.base import DOMAIN, LINK
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

BOTH = frozenset({DOMAIN, LINK})


class Steady(Script):
    """A read whose readings are alike until it is told that something has changed."""

    used = 7

    def __call__(self, source: Source, context: Snapshot, memory: int) -> tuple[Irqs, int]:
        super().__call__(source, context, memory)
        return Irqs(self.used), 0


class Quiet:
    """A scheduler of one probe every 10 s, or 60 while its two events are followed."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.read = Steady()
        probes = [probe(self.read, events=BOTH, quiet=60.0)]
        self.scheduler = Scheduler(SOURCE, probes, self.clock, still)

    async def calls(self, number: int) -> None:
        """Wait until it has been read so often and the reading is shown."""
        await until(self.scheduler, lambda: self.read.calls == number)

    async def pass_by(self, seconds: float) -> None:
        """Go on; what is due meanwhile is read."""
        for _ in range(int(seconds)):
            before = self.read.calls
            await self.clock.advance(1)
            if self.read.calls > before:
                await self.calls(self.read.calls)


@pytest.fixture
async def quiet() -> AsyncIterator[Quiet]:
    """Read once, and its events followed."""
    found = Quiet()
    async with running(found.scheduler.run()):
        await found.calls(1)
        found.scheduler.follow(BOTH, followed=True)
        yield found


async def test_it_is_read_seldom_while_no_event_comes(quiet: Quiet) -> None:
    """The reading after the one that was due anyway is a minute later."""
    await quiet.pass_by(10)
    assert quiet.read.calls == 2
    await quiet.pass_by(49)
    assert quiet.read.calls == 2
    await quiet.pass_by(1)
    assert quiet.read.calls == 3
    assert quiet.scheduler.lost == {"irqs": 0}


async def test_it_is_read_after_an_event(quiet: Quiet) -> None:
    """What has changed then is no event that was lost."""
    await quiet.pass_by(15)
    quiet.read.used = 8
    quiet.scheduler.trigger(LINK)
    await quiet.calls(3)
    await quiet.pass_by(100)

    assert quiet.scheduler.snapshot.irqs == Irqs(8)
    assert quiet.scheduler.lost == {"irqs": 0}


async def test_it_is_read_as_ever_for_a_minute_after_an_event(quiet: Quiet) -> None:
    """The kernel may follow late, and does not tell of it."""
    await quiet.pass_by(15)
    quiet.scheduler.trigger(LINK)
    await quiet.calls(3)
    await quiet.pass_by(60)
    assert quiet.read.calls == 3 + 6
    quiet.read.used = 8
    await quiet.pass_by(5)
    assert quiet.scheduler.snapshot.irqs == Irqs(8)
    await quiet.pass_by(30)

    assert quiet.read.calls == 3 + 7
    assert quiet.scheduler.lost == {"irqs": 0}


async def test_it_is_read_as_ever_while_one_of_its_events_is_not_followed(quiet: Quiet) -> None:
    """When a stream ends it is read at once, since something may have happened, and then on."""
    await quiet.pass_by(15)
    quiet.scheduler.follow({LINK}, followed=False)
    await quiet.calls(3)
    await quiet.pass_by(24)

    assert quiet.read.calls == 5


async def test_a_lost_event_is_told_and_the_probe_polled_from_then_on(quiet: Quiet) -> None:
    """A change that nothing told of is counted once it cannot be on its way any more."""
    await quiet.pass_by(15)
    quiet.read.used = 8
    with capture_logs() as logs:
        await quiet.pass_by(45)
        assert quiet.scheduler.snapshot.irqs == Irqs(8)
        assert quiet.scheduler.lost == {"irqs": 0}
        await quiet.pass_by(10)
        assert quiet.scheduler.lost == {"irqs": 1}
        before = quiet.read.calls
        await quiet.pass_by(60)

    assert quiet.read.calls == before + 6
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "missed an event; polling at the probe's interval from now on"
    ]


async def test_an_event_that_comes_after_the_reading_was_not_lost(quiet: Quiet) -> None:
    """xenstored tells after the kernel has changed, and what settles is told later still."""
    await quiet.pass_by(59)
    quiet.read.used = 8
    await quiet.pass_by(1)
    assert quiet.scheduler.snapshot.irqs == Irqs(8)
    quiet.scheduler.trigger(DOMAIN)
    await quiet.pass_by(130)

    assert quiet.scheduler.lost == {"irqs": 0}
