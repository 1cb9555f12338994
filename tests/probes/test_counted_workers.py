"""Workers of the datapath and daemons of the control path, counted by taskstats."""

from __future__ import annotations

import pytest

from tests.probes.support import FakeHost, after, dom0
from tests.probes.test_control_path import process
from tests.probes.test_datapath import datapath, host, passed, stat, workers
from xenwatch.parse.taskstats import Counters
from xenwatch.probes.base import Pass
from xenwatch.probes.control_path import CONTROL_PATH
from xenwatch.probes.counters import KTHREADD
from xenwatch.readings.processes import DaemonProcess, Daemons
from xenwatch.readings.snapshot import Snapshot

NETBACK, TAPDISK = 10, 30
SHARED = {"/dev/shm": ("td3-30",), "/dev/shm/td3-30": ("vbd-7-51712",)}
SECOND = 10**9
BEGAN = 60
"""When the workers began; the host was booted at 0."""


def at(seconds: int, ticks: int, start: int = 5, began: int = BEGAN) -> FakeHost:
    """A dom0 with a thread of netback and a tapdisk that have run so long, in ticks of 10 ms."""
    found = host(
        {
            NETBACK: stat(NETBACK, "vif1.0-q0-guest-rx", ticks, start),
            TAPDISK: stat(TAPDISK, "tapdisk", ticks, start, kernel=False),
        },
        directories=SHARED,
    )
    counters = Counters(ticks, 0, ticks * SECOND // 100, (seconds - began) * 10**6, ticks)
    clock = Counters(1, 0, 0, seconds * 10**6, 1)
    found.counters = {KTHREADD: clock, NETBACK: counters, TAPDISK: counters}
    return found


def stats(source: FakeHost) -> list[str]:
    """The stat files that were asked for."""
    return [path for path in source.asked if str(path).endswith("/stat")]


def test_a_known_worker_is_one_message() -> None:
    """From the third pass on no file of a worker is read, and its time is that of its file."""
    known = passed(at(115, 110), passed(at(100, 100)))
    later = at(130, 125)

    found = datapath(passed(later, known))

    assert stats(later) == []
    assert found.cpu_seconds == {
        (1, "netback"): pytest.approx(1.25),
        (7, "tapdisk"): pytest.approx(1.25),
    }
    assert found.processes == {TAPDISK: (7, "tapdisk")}


def test_the_first_pass_asks_the_kernel_nothing() -> None:
    """A command of one pass needs no taskstats: nothing is known before it."""
    first = at(100, 100)
    passed(first)

    assert [each for each in first.asked if isinstance(each, tuple)] == []


def test_another_worker_with_the_number_counts_anew() -> None:
    """A worker that began later is read: what the ended one had is kept, and nothing jumps."""
    known = passed(at(115, 110), passed(at(100, 100)))

    known = passed(at(130, 900, start=12000, began=120), known)

    # A tapdisk is found by its directory, a thread of netback by the search after a new device.
    assert {pid: worker.start_ticks for pid, worker in workers(known).items()} == {TAPDISK: 12000}
    assert datapath(known).cpu_seconds == {
        (1, "netback"): pytest.approx(1.1),
        (7, "tapdisk"): pytest.approx(1.1 + 9.0),
    }


def test_without_taskstats_workers_are_read() -> None:
    """Where the kernel does not answer, the files say the same."""
    known = passed(at(115, 110), passed(at(100, 100)))
    later = at(130, 125)
    later.counters = {}

    found = datapath(passed(later, known))

    assert sorted(stats(later)) == ["/proc/10/stat", "/proc/30/stat"]
    assert found.cpu_seconds == {(1, "netback"): 1.25, (7, "tapdisk"): 1.25}


def test_a_file_behind_the_counters_is_no_fall() -> None:
    """Ticks are cut: a worker that is read again after it was counted has no less than before."""
    known = passed(at(115, 110), passed(at(100, 100)))
    counted = at(130, 125)
    exact = counted.counters[NETBACK]._replace(cpu_ns=exact_ns(1.259))
    counted.counters = {**counted.counters, NETBACK: exact}
    known = passed(counted, known)
    assert workers(known)[NETBACK].cpu_seconds == pytest.approx(1.259)
    later = at(145, 125)
    later.counters = {}

    assert workers(passed(later, known))[NETBACK].cpu_seconds == pytest.approx(1.259)


def exact_ns(seconds: float) -> int:
    """Nanoseconds."""
    return round(seconds * SECOND)


XAPI = Pass(Snapshot(daemons=Daemons({"xapi": DaemonProcess(7, "xapi", 1, None)})))


def daemon(seconds: int, waited_ns: int, start: int = 50, **waits: int) -> FakeHost:
    """A dom0 with a xapi of these threads, and what all of its threads have waited."""
    files = process(7, 100, start, threads=len(waits), **waits)
    found = dom0(files, directories={"/proc/7/task": tuple(name[1:] for name in waits)})
    clock = Counters(1, 0, 0, seconds * 10**6, 1)
    # Threads of xapi come and go: the sum of their ages tells nothing here.
    found.counters = {KTHREADD: clock, 7: Counters(9, waited_ns, 0, 12345, 3)}
    return found


def waiting(known: Pass) -> float | None:
    """What xapi has waited."""
    assert known.snapshot.control_path is not None
    return known.snapshot.control_path.daemons["xapi"].wait_seconds


def test_a_known_daemon_has_no_thread_read() -> None:
    """Threads that come and go need not be listed: the kernel's sum has what ended ones waited."""
    known = after(CONTROL_PATH, daemon(100, 5 * SECOND, t7=3 * SECOND), XAPI)
    known = after(CONTROL_PATH, daemon(110, 6 * SECOND, t7=4 * SECOND), known)
    later = daemon(120, 8 * SECOND, t7=5 * SECOND, t9=SECOND // 2)

    known = after(CONTROL_PATH, later, known)

    assert waiting(known) == 6.0
    assert [path for path in later.asked if "task/" in str(path)] == []


def test_a_daemons_sum_that_jumps_is_read_by_thread() -> None:
    """More than its threads can have waited is not believed, and what was counted stays."""
    known = after(CONTROL_PATH, daemon(100, 5 * SECOND, t7=3 * SECOND), XAPI)
    known = after(CONTROL_PATH, daemon(110, 6 * SECOND, t7=4 * SECOND), known)
    known = after(CONTROL_PATH, daemon(120, 8 * SECOND, t7=5 * SECOND), known)

    known = after(CONTROL_PATH, daemon(130, 800 * SECOND, t7=5 * SECOND), known)
    assert waiting(known) == 6.0
    known = after(CONTROL_PATH, daemon(140, 801 * SECOND, t7=6 * SECOND), known)

    assert waiting(known) == 7.0


def test_another_daemon_with_the_number_waits_anew() -> None:
    """A start time that differs makes another process of it, whatever the sums say."""
    known = after(CONTROL_PATH, daemon(100, 5 * SECOND, t7=3 * SECOND), XAPI)
    known = after(CONTROL_PATH, daemon(110, 6 * SECOND, t7=4 * SECOND), known)

    known = after(CONTROL_PATH, daemon(120, 7 * SECOND, start=90, t7=SECOND), known)

    assert waiting(known) == 1.0
