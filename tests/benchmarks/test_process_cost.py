"""What reading a process costs, against another exporter on the same processes in the same run.

Only ratios of CPU time are looked at: neither the machine's speed nor what else it does counts.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from xenwatch.probes.base import merge, run
from xenwatch.probes.qemu import QEMUS
from xenwatch.probes.xen import CAPABILITIES
from xenwatch.readings_qemu import Qemus
from xenwatch.snapshot import Domain, Domains, Outcome, Snapshot, Status
from xenwatch.sources.base import READ_LIMIT
from xenwatch.sources.host import HostSource
from xenwatch.sources.kept import raise_limit

PROCESSES = 4000
CHEAPER = 25
"""How many times the CPU time of ours the other one needs at least."""
EXPORTER = "/usr/bin/prometheus-process-exporter"
LIFETIME = "600"
"""Seconds after which the processes end by themselves, should nobody be left to end them."""

pytestmark = pytest.mark.timeout(300)


class Dom0(HostSource):
    """This machine, if it were a dom0."""

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """The file, or that this is a control domain."""
        return b"control_d\n" if path == CAPABILITIES else super().read(path, limit)


@pytest.fixture(scope="module")
def processes() -> Iterator[list[int]]:
    """Sleeping processes that call themselves QEMUs of guests; each has some 200 KiB of its own."""
    pids = []
    try:
        for domid in range(1, PROCESSES + 1):
            argv = [f"qemu-dm-{domid}", LIFETIME]
            pids.append(os.posix_spawn("/bin/sleep", argv, {}))
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def ours(passes: int) -> tuple[float, Qemus]:
    """CPU seconds of the cheapest of some passes over all known QEMUs, and the last reading."""
    raise_limit()
    source = Dom0()
    uuid = "00000000-0000-4000-8000-000000000000"
    domains = tuple(
        Domain(domid, uuid, None, "hvm", "blocked", 1, 1, 1 << 30, 0.0)
        for domid in range(1, PROCESSES + 1)
    )
    snapshot = Snapshot(domains=Domains(domains, "hypercall"))
    costs = []
    for _ in range(passes + 2):  # one that finds them, one that fills what is kept
        value, outcome = run(QEMUS, source, snapshot)
        assert outcome.status is Status.OK, outcome
        snapshot = merge(snapshot, QEMUS.name, value, Outcome(Status.OK), 0.0)
        costs.append(outcome.cpu_seconds)
    source.close()
    assert snapshot.qemus is not None
    return min(costs[2:]), snapshot.qemus


@contextlib.contextmanager
def exporter() -> Iterator[tuple[int, str]]:
    """The other exporter, told to look at the same processes and not at their memory maps."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [EXPORTER, "-procnames", "sleep", "-gather-smaps=false", "-children=false"]
    with subprocess.Popen(
        [*argv, f"-web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process.pid, f"http://127.0.0.1:{port}/metrics"
        finally:
            process.kill()


def scraped(url: str) -> bytes:
    """One scrape; at first the exporter may not listen yet."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=120) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def cpu_seconds(pid: int) -> float:
    """CPU time a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def theirs(scrapes: int) -> tuple[float, bytes]:
    """CPU seconds of the cheapest of some scrapes, and the last page."""
    costs = []
    with exporter() as (pid, url):
        page = scraped(url)
        for _ in range(scrapes):
            before = cpu_seconds(pid)
            page = scraped(url)
            costs.append(cpu_seconds(pid) - before)
    return min(costs), page


def test_a_process_costs_a_twenty_fifth(processes: list[int]) -> None:
    """On the same processes a pass of ours needs at most 1/25 of the CPU of a scrape of theirs."""
    cost, qemus = ours(5)
    other, page = theirs(3)
    ratio = other / cost
    each, its = (seconds / PROCESSES * 1e6 for seconds in (cost, other))
    print(f"a process and pass: {each:.2f} us, the other's {its:.0f} us: {ratio:.1f} times")

    assert sorted(qemu.pid for qemu in qemus.by_domid.values()) == sorted(processes)
    # Somebody else's may be among them.
    counted = re.search(rb'_num_procs\{groupname="sleep"\} (\d+)', page)
    assert counted is not None
    assert int(counted[1]) >= PROCESSES
    assert ratio >= CHEAPER, f"{each:.2f} us against {its:.0f} us: {ratio:.1f} times"
