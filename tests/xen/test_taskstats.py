"""Counters of dom0's processes by taskstats, with the capability and without: those of files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.xen import guests
from tests.xen.daemon import DROP_INS, PREFIX, SCRIPTS, Daemon
from tests.xen.report import Report
from tests.xen.test_qemu import SPAN, pid_of, watched
from tests.xen.vm import Vm
from xenwatch.probes.qemu import SETTLED

DOM0_ARGS = ""

GUEST = "hvm1"
SECONDS = 20.0
THREADS = "ps -eo pid,comm --no-headers | awk '$2 ~ /^vif[0-9]|^[0-9]+[.]xvd/ {print $1}'"
DAEMONS = "pidof xenstored oxenstored xenconsoled"
WITHOUT = """[Service]
CapabilityBoundingSet=
CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_SYSLOG
"""
READER = "systemctl show xenwatch-reader -p MainPID --value"
ASKING = "awk '$2 == 16 {print $3}' /proc/net/netlink"
"""The processes with a socket of generic netlink, each by its first one."""


@pytest.fixture
def guest(vm: Vm, daemon: Daemon) -> int:
    """The domain id of an HVM guest, which has a QEMU and threads of netback and blkback."""
    guests.start(vm, GUEST)
    return guests.domid(vm, GUEST)


@pytest.fixture
def without(vm: Vm, daemon: Daemon) -> Iterator[None]:
    """The reader has no CAP_NET_ADMIN."""
    vm.run(f"cat > {DROP_INS}/no-taskstats.conf", stdin=WITHOUT.encode())
    daemon.restart()
    yield
    vm.run(f"rm {DROP_INS}/no-taskstats.conf")
    daemon.restart()


@pytest.mark.representative
def test_the_kernels_sums_are_those_of_the_files(vm: Vm, report: Report, guest: int) -> None:
    """A QEMU, threads of netback and blkback, and the daemons did the same by both ways."""
    threads, daemons = vm.run(THREADS).split(), vm.run(f"{DAEMONS} || true").split()
    qemu = pid_of(vm, guest)
    pids = " ".join([qemu, *threads, *daemons])
    lines = vm.run(f"{PREFIX}/bin/python {SCRIPTS}/counted.py {SECONDS:.0f} {pids}", 300)

    found = {}
    for line in lines.splitlines():
        pid, _, *numbers = line.split()
        found[pid] = tuple(map(int, numbers[:3])), tuple(map(int, numbers[3:]))
    report.note(f"processes by taskstats and by hand: {len(found)} of {len(pids.split())}", SECONDS)
    assert threads
    assert daemons
    assert qemu in found
    assert set(threads) <= set(found)
    assert {pid: both for pid, both in found.items() if both[0] != both[1]} == {}


def test_wakeups_are_those_counted_by_hand(
    vm: Vm, daemon: Daemon, report: Report, guest: int
) -> None:
    """Once the QEMU is counted whole, the daemon's wakeups are those of its threads' files."""
    settle(vm, daemon, guest)
    ours, by_hand, _, page = watched(vm, daemon, guest, SPAN)
    asking, reader = vm.run(ASKING).split(), vm.run(READER).strip()

    report.note(f"wakeups a second: {ours:.2f} by taskstats, {by_hand:.2f} by hand", SPAN)
    assert not page.failed() & {"qemus", "datapath", "control_path"}
    assert ours == pytest.approx(by_hand, rel=0.02, abs=1)
    assert reader in asking


@pytest.mark.usefixtures("without")
def test_without_the_capability_the_files_do(
    vm: Vm, daemon: Daemon, report: Report, guest: int
) -> None:
    """A reader that the kernel refuses reads thread by thread, and no probe fails."""
    settle(vm, daemon, guest)
    ours, by_hand, _, page = watched(vm, daemon, guest, SPAN)

    report.note(f"wakeups a second: {ours:.2f} without taskstats, {by_hand:.2f} by hand", SPAN)
    assert not page.failed() & {"qemus", "datapath", "control_path"}
    assert ours == pytest.approx(by_hand, rel=0.02, abs=1)


def settle(vm: Vm, daemon: Daemon, domid: int) -> None:
    """Let as many passes go by as it takes until a QEMU is counted whole, if it ever is."""
    for _ in range(SETTLED + 2):
        daemon.fresh(probes=["qemus"])
    assert pid_of(vm, domid)
