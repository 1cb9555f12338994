"""What reading a process costs, against another exporter on the same processes in the same run.

Only ratios of CPU time are looked at: neither the machine's speed nor what else it does counts.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import itertools
import os
import re
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.benchmarks.programs import cpu_seconds, listening, scraped
from tests.tools import need, tool
from xenwatch.probes import qemu
from xenwatch.probes.base import Pass, merge, run
from xenwatch.probes.qemu import QEMUS, SETTLED
from xenwatch.probes.xen import CAPABILITIES
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import LIVE
from xenwatch.readings.qemus import Qemus
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import READ_LIMIT
from xenwatch.sources.host import HostSource
from xenwatch.sources.kept import raise_limit

PROCESSES = 1500
CHEAPER = {"asleep": 40, "awake": 34}
"""How many times the CPU time of ours the other one needs at least, where no process has run since
the pass before, and where each has."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.no_cover]


class Dom0(HostSource):
    """This machine, if it were a dom0."""

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file, or that this is a control domain."""
        return b"control_d\n" if path == CAPABILITIES else super().read(path, limit)


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes that call themselves QEMUs of guests: each sleeps until it has a byte to read."""

    pids: list[int]
    pipes: list[int]

    def asleep(self) -> None:
        """Leave them alone."""

    def awake(self) -> None:
        """Have each of them run, and wait until all sleep again."""
        for pipe in self.pipes:
            os.write(pipe, b"x")
        left = array.array("i", [0])
        for pipe in self.pipes:
            left[0] = 1
            while left[0]:
                fcntl.ioctl(pipe, termios.FIONREAD, left)


@contextlib.contextmanager
def processes_of(number: int) -> Iterator[Processes]:
    """So many of them; each has some 200 KiB of its own and ends with its pipe."""
    raise_limit()
    found = Processes([], [])
    try:
        for domid in range(1, number + 1):
            there, here = os.pipe()
            actions = [(os.POSIX_SPAWN_DUP2, there, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)]
            argv = [f"qemu-dm-{domid}"]
            found.pids.append(os.posix_spawn("/bin/cat", argv, {}, file_actions=actions))
            os.close(there)
            found.pipes.append(here)
        yield found
    finally:
        for pipe in found.pipes:
            os.close(pipe)
        for pid in found.pids:
            os.waitpid(pid, 0)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Enough of them that the fixed cost of a pass is negligible."""
    with processes_of(PROCESSES) as found:
        yield found


def ours(
    passes: int, before_each: Callable[[], None], number: int = PROCESSES
) -> tuple[float, list[Qemus]]:
    """CPU seconds of the cheapest of some passes over that many QEMUs, and their readings."""
    source = Dom0()
    uuid = "00000000-0000-4000-8000-000000000000"
    domains = tuple(
        Domain(domid, uuid, None, "hvm", "blocked", 1, 1, 1 << 30, 0.0)
        for domid in range(1, number + 1)
    )
    known = Pass(Snapshot(domains=Domains(domains, "hypercall")))
    costs, found = [], []
    warming = SETTLED + 2  # one that finds them, those in which they settle
    for turn in range(warming + passes):
        if turn >= warming:
            before_each()
        result = run(QEMUS, source, known)
        assert result.outcome.status is Status.OK, result.outcome
        known = merge(known, {QEMUS.name: result}, Moment(0.0, 0.0), LIVE)
        assert known.snapshot.qemus is not None
        costs.append(result.outcome.cpu_seconds)
        found.append(known.snapshot.qemus)
    source.close()
    return min(costs[warming:]), found[warming - 1 :]


def exporter() -> contextlib.AbstractContextManager[tuple[int, str]]:
    """The other exporter, told to look at the same processes and not at their memory maps."""
    options = ("-procnames", "cat", "-gather-smaps=false", "-children=false")
    return listening(
        [tool("prometheus-process-exporter"), *options, "-web.listen-address=127.0.0.1:{port}"]
    )


def theirs(scrapes: int, before_each: Callable[[], None]) -> tuple[float, bytes]:
    """CPU seconds of the cheapest of some scrapes, and the last page."""
    costs = []
    with exporter() as (pid, url):
        page = scraped(url)
        for _ in range(scrapes):
            before_each()
            before = cpu_seconds(pid)
            page = scraped(url)
            costs.append(cpu_seconds(pid) - before)
    return min(costs), page


@pytest.mark.parametrize("state", CHEAPER)
def test_a_process_costs_a_fraction(
    processes: Processes, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the same processes a pass of ours needs a fraction of the CPU of a scrape of theirs."""
    tool("prometheus-process-exporter")
    need("taskstats")
    monkeypatch.setattr(qemu, "SETTLE_MAX", PROCESSES)
    before_each = {"asleep": processes.asleep, "awake": processes.awake}[state]
    cost, readings = ours(5, before_each)
    other, page = theirs(3, before_each)
    ratio = other / cost
    each, its = (seconds / PROCESSES * 1e6 for seconds in (cost, other))
    told = (
        f"{state}, a process and pass: {each:.2f} us, the other's {its:.0f} us: {ratio:.1f} times"
    )
    print(told)

    assert sorted(qemu.pid for qemu in readings[-1].by_domid.values()) == sorted(processes.pids)
    for earlier, later in itertools.pairwise(readings):
        grown = [
            later.by_domid[domid].wakeups - earlier.by_domid[domid].wakeups
            for domid in later.by_domid
        ]
        assert min(grown) >= (1 if state == "awake" else 0)
    # Somebody else's may be among them.
    counted = re.search(rb'_num_procs\{groupname="cat"\} (\d+)', page)
    assert counted is not None
    assert int(counted[1]) >= PROCESSES
    assert ratio >= CHEAPER[state], told
