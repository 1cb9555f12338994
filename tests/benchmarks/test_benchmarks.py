"""The benchmarks measure what they say: ratios, and programs that are started as systemd does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.benchmarks import reading
from tests.benchmarks.hosts import STEP, Counted, host, machine
from tests.benchmarks.programs import cpu_seconds, daemon, front, reader, resident, scraped
from tests.benchmarks.recording import PERIOD, Recording
from tests.benchmarks.results import Row
from tests.benchmarks.table import (
    BRIDGES,
    BUSY,
    CHANNELS,
    IDLE,
    QUEUES,
    QUIET_BRIDGES,
    QUIET_QUEUES,
)
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.qemus import Qemus
from xenwatch.sources.base import Source

pytestmark = [pytest.mark.timeout(300), pytest.mark.no_cover]

VMS = 3


def rows(benchmark: Callable[[int, float], Iterator[Row]]) -> dict[str, Row]:
    """Those of one round, by name."""
    return {row.name: row for row in benchmark(1, 0.0)}


def test_links_are_walked_in_a_fraction() -> None:
    """A dump of a thousand ports costs a fifth of pyroute2 at most, and hardly anything again."""
    found = rows(reading.of_bridges)

    assert found[BRIDGES].ratio is not None
    assert found[BRIDGES].ratio > 5
    assert found[QUIET_BRIDGES].median < found[BRIDGES].median / 3


def test_queues_are_listed_after_an_event_alone() -> None:
    """Listing those of a thousand interfaces costs something, and nothing until the next event."""
    found = rows(reading.of_queues)

    assert found[QUEUES].median > 0
    assert found[QUIET_QUEUES].median == 0


def test_every_channel_is_read_by_hypercall() -> None:
    """The stand-in for Xen answers the probe, whose cost for each channel is a figure."""
    assert rows(reading.of_channels)[CHANNELS].median > 0


def qemus(source: Source) -> Qemus:
    """The reading of QEMUs."""
    found = take(source, PROBES).snapshot.qemus
    assert found is not None
    return found


def test_a_record_has_its_size(tmp_path: Path) -> None:
    """Passes of a host that is awake are recorded, and thinned ones are smaller."""
    recording = Recording(VMS, tmp_path / "record")
    for number in range(int(PERIOD / 60)):
        recording.write(recording.read(number * 60.0))

    assert recording.seconds > 0
    assert 0 < recording.day() < 100


@pytest.mark.parametrize(("state", "runs"), [(IDLE, False), (BUSY, True)])
def test_vms_that_are_awake_run(state: str, runs: bool) -> None:
    """Once the host has moved on, QEMUs of VMs that are awake have run, those asleep have not."""
    source = host(VMS, state)
    before = qemus(source).by_domid
    vars(source)["_moved"] -= STEP
    vars(source)["_began"] -= 2 * STEP
    source.move()

    after = qemus(source).by_domid
    assert len(after) == VMS
    assert [after[domid].wakeups > before[domid].wakeups for domid in after] == [runs] * VMS


def test_what_the_model_costs_is_counted() -> None:
    """A counted host answers as the same one does, and has had a part of the CPU time of a pass."""
    counted, plain = Counted(machine(VMS, IDLE), IDLE), host(VMS, IDLE)
    assert counted.cost == 0
    before = time.thread_time()

    assert qemus(counted) == qemus(plain)
    assert 0 < counted.cost < time.thread_time() - before
    assert counted.calls > len(PROBES)


def test_a_daemon_says_what_it_costs() -> None:
    """It is ready as systemd is told, serves its page, and has used CPU time since."""
    with daemon(VMS, IDLE) as served:
        before = served.cost()
        scraped(served.url.replace("/metrics", "/-/ready"))
        page = scraped(served.url)

        assert f'domid="{VMS}"'.encode() in page
        assert 0 < before < served.cost()


def test_a_front_holds_nothing_of_the_model() -> None:
    """`xenwatch run` over a reader has the VMs of the host that is in another process."""
    with reader(VMS, IDLE) as source, front(source) as (pid, url):
        ready = cpu_seconds(pid)
        scraped(url.replace("/metrics", "/-/ready"))

        assert f'domid="{VMS}"'.encode() in scraped(url)
        assert 0 < ready < cpu_seconds(pid)
        assert resident(pid) > 10
