"""How a real dom0 stands: to Xen's scheduler against xl, to time against its own kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.xen.daemon import DROP_INS, Daemon, Page
from tests.xen.hazards import alerting
from tests.xen.qemu import CPUS
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

PROBES = ("scheduling", "clock", "dom0_cpus")
SYNCHRONIZED = "xenwatch_dom0_clock_synchronized"
MAX_ERROR = "xenwatch_dom0_clock_max_error_seconds"
WEIGHT = "xenwatch_dom0_scheduler_weight"
CAP = "xenwatch_dom0_scheduler_cap_cpus"
PINNED = "xenwatch_dom0_vcpus_pinned"
ADJTIMEX = """
import ctypes, sys
words = (ctypes.c_long * 64)()
words[0], words[3], words[4], words[5] = map(int, sys.argv[1:])
ctypes.CDLL(None).adjtimex(words)
print(words[3], words[4])
"""
"""Sets what the modes of its first argument say (uapi/linux/timex.h); prints both errors."""
READ, SET = "0 0 0 0", f"{0x04 | 0x08 | 0x10}"
DENIED = (
    "[Service]\nProtectClock=yes\nSystemCallFilter=\nSystemCallFilter=~@clock @swap\n"
    "SystemCallErrorNumber=\n"
)
"""The unit of 0.1.0: a denied call kills whoever makes it."""


def page_of(daemon: Daemon) -> Page:
    """A page on which these probes are read anew."""
    return daemon.fresh(probes=PROBES)


def adjtimex(vm: Vm, arguments: str = READ) -> list[int]:
    """The errors of dom0's clock in microseconds, after another call than xenwatch's."""
    return [int(word) for word in vm.run(f'python3 -c "{ADJTIMEX}" {arguments}').split()]


def scheduled(vm: Vm) -> tuple[int, int]:
    """Weight and cap of dom0 as xl prints them."""
    text = vm.run("xl sched-credit2 -d Domain-0")
    ((weight, cap),) = re.findall(r"^Domain-0 +0 +(\d+) +(\d+)$", text, re.MULTILINE)
    return int(weight), int(cap)


@pytest.fixture
def changed(vm: Vm) -> Iterator[None]:
    """Afterwards dom0's weight, cap and affinity are Xen's defaults again."""
    yield
    vm.run("xl sched-credit2 -d Domain-0 -w 256 -c 0; xl vcpu-pin Domain-0 all all")


@pytest.mark.representative
def test_dom0_is_scheduled_as_xl_says(vm: Vm, daemon: Daemon, report: Report) -> None:
    """Under the unit, weight, cap, pinned vCPUs, CPUs and nodes are those of xl."""
    page = page_of(daemon)
    info = dict(re.findall(r"^(\w+) +: (.*)$", vm.run("xl info"), re.MULTILINE))
    rows = vm.run("xl vcpu-list Domain-0").splitlines()[1:]
    affinities = [row.split()[-3] for row in rows]  # hard / soft

    assert not page.failed() & set(PROBES)
    assert page.by("xenwatch_dom0_scheduler_info", "scheduler") == {info["xen_scheduler"]: 1}
    assert (page.get(WEIGHT), page.get(CAP)) == scheduled(vm)
    assert len(affinities) == CPUS
    assert page.get(PINNED) == sum(affinity != "all" for affinity in affinities)
    assert page.get("xenwatch_host_cpus") == int(info["nr_cpus"])
    assert page.get("xenwatch_host_numa_nodes") == int(info["nr_nodes"])
    for probe in PROBES:
        cpu = page.get("xenwatch_probe_cpu_seconds", probe=probe) or 0
        report.note(f"CPU time of the probe {probe}", cpu)


@pytest.mark.usefixtures("changed")
def test_what_an_operator_changes_is_seen(vm: Vm, daemon: Daemon) -> None:
    """Another weight, a cap above what dom0 uses, and one pinned vCPU are told as xl has them."""
    vm.run("xl sched-credit2 -d Domain-0 -w 1024 -c 175; xl vcpu-pin Domain-0 1 1")
    page = page_of(daemon)

    assert scheduled(vm) == (1024, 175)
    assert (page.get(WEIGHT), page.get(CAP), page.get(PINNED)) == (1024, 1.75, 1)


def test_the_clock_is_as_good_as_the_kernel_says(vm: Vm, daemon: Daemon) -> None:
    """Under the unit, a clock nobody has set is unsynchronized, and one that was set is not."""
    adjtimex(vm, f"{SET} 16000000 16000000 64")
    drifting = page_of(daemon)
    adjtimex(vm, f"{SET} 20000 1500 0")
    before = adjtimex(vm)
    page = page_of(daemon)
    after = adjtimex(vm)

    assert not page.failed() & set(PROBES)
    assert (drifting.get(SYNCHRONIZED), drifting.get(MAX_ERROR)) == (0, 16)
    assert page.get(SYNCHRONIZED) == 1
    assert before[0] / 1e6 <= (page.get(MAX_ERROR) or 0) <= after[0] / 1e6
    assert page.get("xenwatch_dom0_clock_estimated_error_seconds") == 0.0015


def test_an_older_unit_costs_the_clock_alone(vm: Vm, daemon: Daemon) -> None:
    """Under a unit that kills for adjtimex the daemon lives, and the probe says what to do."""
    vm.run(f"cat > {DROP_INS}/older.conf", stdin=DENIED.encode())
    try:
        daemon.restart()
        page = daemon.fresh(probes=("scheduling", "dom0_cpus"))
        vm.wait(lambda: "clock" in daemon.page().failed(), "a failed probe", 120)
        restarts = vm.run("systemctl show xenwatch -p NRestarts --value")
    finally:
        vm.run(f"rm {DROP_INS}/older.conf")
        daemon.restart()

    assert page.get(SYNCHRONIZED) is None
    assert restarts.strip() == "0"
    assert not alerting(page, "XenwatchClockUnsynchronized")
    assert not page_of(daemon).failed() & set(PROBES)
