"""dom0's virtual CPUs: their times, and what is stolen of it over the last minutes."""

from __future__ import annotations

import pytest

from tests.probes.support import BARE, FakeHost, after, dom0, failure_of, outcome_of, value_of
from xenwatch.probes.base import Pass
from xenwatch.probes.dom0_cpus import DOM0_CPUS, WINDOW
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.readings.snapshot import Status

LOAD = b"0.00 0.00 0.00 1/2 3\n"
CPU_STAT = b"""cpu  300 0 100 600 10 0 5 85 0 0
cpu0 200 0 50 300 10 0 5 85 0 0
cpu1 100 0 50 300
intr 1 2 3
procs_running 4
procs_blocked 2
softirq 100 1 2 3 4 5 6 7 8 9 10
"""


def test_dom0s_virtual_cpus() -> None:
    """Times are seconds by CPU, a mode the kernel does not have is absent."""
    files = {"/proc/stat": CPU_STAT, "/proc/loadavg": b"1.50 0.25 10.05 4/200 999\n"}

    found = value_of(DOM0_CPUS, dom0(files))

    assert isinstance(found, Dom0Cpus)
    assert found.seconds["0"]["steal"] == 0.85
    assert found.seconds["1"] == {"user": 1.0, "nice": 0.0, "system": 0.5, "idle": 3.0}
    assert found.load == (1.5, 0.25, 10.05)
    assert (found.runnable, found.blocked) == (4, 2)
    assert (found.softirqs["hi"], found.softirqs["net_rx"], found.softirqs["rcu"]) == (1, 4, 10)


def test_nothing_is_made_up_of_a_short_stat() -> None:
    """Rows that are not there are no zeros."""
    files = {"/proc/stat": b"cpu  1 2 3 4\n", "/proc/loadavg": b"0.00 0.00 0.00 1/2 3\n"}

    found = value_of(DOM0_CPUS, dom0(files))

    assert found == Dom0Cpus({}, (0.0, 0.0, 0.0), None, None, {})


@pytest.mark.parametrize(
    "files",
    [
        {"/proc/stat": b"nonsense\n", "/proc/loadavg": b"0.00 0.00 0.00 1/2 3\n"},
        {"/proc/stat": CPU_STAT, "/proc/loadavg": b"high\n"},
    ],
)
def test_other_formats_are_failures(files: dict[str, bytes]) -> None:
    """A file in another format fails the probe and names the file."""
    assert "/proc/" in failure_of(DOM0_CPUS, dom0(files))


def test_it_does_not_apply_without_xen() -> None:
    """A host that is no dom0 has no virtual CPUs of Xen's."""
    assert outcome_of(DOM0_CPUS, FakeHost(files=BARE)).status is Status.NOT_APPLICABLE


def stolen(samples: list[tuple[float, float, int]]) -> float | None:
    """The part stolen after runs at which each of so many CPUs had run and been robbed so long.

    Seconds of idle time, seconds stolen, CPUs.
    """
    known: Pass | None = None
    for idle, lost, cpus in samples:
        row = f"5 0 5 {idle * 100:.0f} 0 0 0 {lost * 100:.0f} 0 0\n"
        text = "".join(f"cpu{number} {row}" for number in range(cpus))
        known = after(DOM0_CPUS, dom0({"/proc/stat": text.encode(), "/proc/loadavg": LOAD}), known)
    assert known is not None
    assert known.snapshot.dom0_cpus is not None
    return known.snapshot.dom0_cpus.steal_ratio


def test_the_part_stolen_is_that_of_all_time() -> None:
    """Two CPUs that lost one second each in ten have lost a tenth; one run tells nothing."""
    assert stolen([(100, 7, 2)]) is None
    assert stolen([(100, 7, 2), (109, 8, 2)]) == pytest.approx(0.1)
    assert stolen([(100, 7, 2), (110, 7, 2)]) == 0


def test_what_was_stolen_long_ago_is_forgotten() -> None:
    """The part is that of the last five minutes, whatever was before."""
    calm = [(200.0 + 10 * run, 50.0, 2) for run in range(int(WINDOW) // 10 + 2)]

    assert stolen([(100, 0, 2), (150, 50, 2), *calm[:2]]) == pytest.approx(50 / 160)
    assert stolen([(100, 0, 2), (150, 50, 2), *calm]) == 0


def test_runs_that_are_far_apart_tell_what_was_between() -> None:
    """With runs further apart than the five minutes the part is that since the last one."""
    apart = WINDOW + 100

    assert stolen([(0, 0, 2), (apart, 0, 2), (2 * apart - 50, 50, 2)]) == pytest.approx(50 / apart)


@pytest.mark.parametrize(
    "after_it",
    [(200, 8, 3), (200, 8, 1), (50, 8, 2), (200, 1, 2), (100, 7, 2)],
    ids=["a CPU more", "a CPU less", "less time", "less stolen", "no time"],
)
def test_counters_that_go_back_tell_nothing(after_it: tuple[float, float, int]) -> None:
    """With another number of CPUs, after a reboot, or without any time no part is known."""
    assert stolen([(100, 7, 2), after_it]) is None


def test_a_kernel_that_counts_no_stolen_time_tells_nothing() -> None:
    """Without the column the part is absent, however often it is read."""
    files = {"/proc/stat": b"cpu0 1 2 3 4\n", "/proc/loadavg": LOAD}
    before = after(DOM0_CPUS, dom0(files))
    later = value_of(DOM0_CPUS, dom0({**files, "/proc/stat": b"cpu0 2 3 4 9\n"}), before)

    assert later.steal_ratio is None
