"""Real processes with threads that come and go: counted by the kernel, and read by hand."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from tests.tools import need
from xenwatch.probes.base import Pass, merge, run
from xenwatch.probes.qemu import QEMUS, SETTLED
from xenwatch.probes.xen import CAPABILITIES
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import LIVE
from xenwatch.readings.qemus import Qemu
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import READ_LIMIT, SourceError
from xenwatch.sources.host import HostSource

DOMAIN = Domain(
    5, "00000000-0000-4000-8000-000000000000", None, "hvm", "blocked", 1, 1, 1 << 30, 0.0
)
THREADS = """
import sys, threading
waiting = []
def work(turn):
    while turn.acquire() and not turn.over:
        done.release()
done = threading.Semaphore(0)
class Turn(threading.Semaphore):
    over = False
for line in sys.stdin:
    match line.strip():
        case "begin":
            turn = Turn(0)
            waiting.append((turn, threading.Thread(target=work, args=(turn,))))
            waiting[-1][1].start()
        case "end":
            turn, thread = waiting.pop()
            turn.over = True
            turn.release()
            thread.join()
        case "wake":
            for turn, _ in waiting:
                turn.release()
            for _ in waiting:
                done.acquire()
    print(flush=True)
"""
LATE = 120.0


class Dom0(HostSource):
    """This machine, if it were a dom0 in which one process is the QEMU of guest 5."""

    def __init__(self, pid: int, *, counts: bool) -> None:
        super().__init__()
        self._pid, self._counts = pid, counts

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file, or what makes a dom0 of the machine."""
        told = {CAPABILITIES: b"control_d\n", f"/proc/{self._pid}/cmdline": b"qemu-dm-5\0"}
        return told.get(path) or super().read(path, limit)

    def listdir(self, path: str) -> tuple[str, ...]:
        """The names, of processes that one: others may call themselves QEMUs, too."""
        return (str(self._pid),) if path == "/proc" else super().listdir(path)

    def taskstats(self, pids: Sequence[int]) -> bytes:
        """What the kernel says, unless it is to say nothing."""
        if not self._counts:
            raise SourceError("taskstats", "not asked")
        return super().taskstats(pids)


class Both:
    """Passes over the process with taskstats and without."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.sources = [Dom0(pid, counts=counts) for counts in (True, False)]
        self._known = [Pass(Snapshot(domains=Domains((DOMAIN,), "hypercall")))] * 2

    @property
    def is_counted(self) -> bool:
        """Whether the process is counted whole."""
        return bool(cast(Any, self._known[0].memories["qemus"]).whole)

    def passed(self) -> tuple[Qemu, Qemu]:
        """The QEMU by a pass each way, between which it did not run."""
        give_up = time.monotonic() + LATE
        while time.monotonic() < give_up:
            before = self.switches()
            qemus = tuple(self._pass(number) for number in (0, 1))
            if self.switches() == before:
                return qemus[0], qemus[1]
        raise AssertionError("the process runs all the time")

    def switches(self) -> dict[str, str]:
        """All there is to a thread's switches, by thread."""
        home = f"/proc/{self._pid}/task"
        found = {}
        for tid in os.listdir(home):
            path = f"{home}/{tid}/status"
            # A thread that the process has joined may be there for a moment longer.
            with (
                contextlib.suppress(FileNotFoundError, ProcessLookupError),
                open(path, encoding="ascii") as file,
            ):
                found[tid] = file.read().partition("\nvoluntary_ctxt_switches:\t")[2]
        return found

    def _pass(self, number: int) -> Qemu:
        result = run(QEMUS, self.sources[number], self._known[number])
        assert result.outcome.status is Status.OK, result.outcome
        self._known[number] = merge(
            self._known[number], {QEMUS.name: result}, Moment(0.0, 0.0), LIVE
        )
        qemus = self._known[number].snapshot.qemus
        assert qemus is not None
        return qemus.by_domid[5]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """A process that starts, wakes and ends threads as it is told."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child
        child.kill()


def told(process: subprocess.Popen[str], *orders: str) -> None:
    """Give orders, and wait for each to be done."""
    assert process.stdin is not None
    assert process.stdout is not None
    for order in orders:
        print(order, file=process.stdin, flush=True)
        assert process.stdout.readline() == "\n"


def equal(both: Both) -> Qemu:
    """The QEMU as both ways tell it."""
    counted, by_hand = both.passed()
    assert counted.wakeups == by_hand.wakeups
    assert counted.wait_seconds == pytest.approx(by_hand.wait_seconds, abs=1e-6)
    # The kernel cuts user and system time to ticks of 10 ms.
    assert counted.cpu_seconds == pytest.approx(by_hand.cpu_seconds, abs=0.021)
    assert counted.threads == by_hand.threads
    return counted


def settle(both: Both) -> None:
    """Pass until the process is counted whole."""
    give_up = time.monotonic() + LATE
    for passes in itertools.count(1):
        equal(both)
        if passes > SETTLED and both.is_counted:
            return
        assert time.monotonic() < give_up


def test_both_ways_tell_the_same_of_threads_that_come_and_go(
    process: subprocess.Popen[str],
) -> None:
    """Through starts, wakeups and ends of threads the kernel's sums are those of /proc by hand."""
    need("taskstats")
    told(process, "begin", "begin", "begin")
    both = Both(process.pid)
    with contextlib.closing(both.sources[0]), contextlib.closing(both.sources[1]):
        settle(both)
        found = [equal(both)]
        for orders in (["wake"] * 20, ["begin", "wake"], ["end"], ["begin", "end", "wake"]):
            told(process, *orders)
            found.append(equal(both))
        settle(both)
        told(process, *["wake"] * 20)
        found.append(equal(both))

    assert len(found[0].threads) == 4
    grown = [later.wakeups - one.wakeups for one, later in itertools.pairwise(found)]
    assert min(grown) > 0
    assert min(grown[0], grown[-1]) >= 3 * 20
