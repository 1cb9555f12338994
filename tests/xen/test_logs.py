"""Messages of trouble of a real dom0's kernel and a real Xen, each counted once."""

from __future__ import annotations

from typing import Final

from tests.xen import guests
from tests.xen.daemon import Daemon, Page
from tests.xen.guests import Shape
from tests.xen.hazards import alerting
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS: Final = ""

COUNTED: Final = "xenwatch_log_messages_total"
EARLIER: Final = "xenwatch_log_earlier_messages"
RECENT: Final = "xenwatch_log_recent_messages"
PROBES: Final = ("kernel_log", "xen_console")
OOM: Final = {"log": "kernel", "kind": "oom_kill"}
FULL: Final = {"log": "kernel", "kind": "conntrack_full"}
POD: Final = {"log": "xen", "kind": "pod_memory_exhausted"}
KILL: Final = (
    "systemd-run -q --wait -p MemoryMax=16M -p MemorySwapMax=0 tail /dev/zero; "
    "dmesg | grep -c 'Killed process'"
)
"""Has dom0's kernel kill a program that outgrows its control group."""
NEIGHBOURS_MAX: Final = "net.ipv6.neigh.default.gc_thresh3"
OVERFLOW: Final = {"log": "kernel", "kind": "neighbour_table_full"}
FEW: Final = 64
FILL: Final = f"""ip link add tests-neigh type dummy
ip link set tests-neigh up
for number in $(seq {2 * FEW}); do
    echo "neigh add 2001:db8::$number lladdr 02:00:00:00:00:01 dev tests-neigh nud reachable"
done | ip -force -batch - 2>&1 | sort | uniq -c
"""
"""Adds neighbours until the kernel refuses more; permanent ones would not count for it.

Those of IPv4 would cut dom0 off from the tests.
"""
PRETEND: Final = "echo '<4>nf_conntrack: nf_conntrack: table full, dropping packet' > /dev/kmsg"
"""A line of the kernel that a program has written."""


def page_of(daemon: Daemon) -> Page:
    """A page on which both logs are read anew."""
    return daemon.fresh(probes=PROBES)


def test_both_logs_are_read_under_the_unit(vm: Vm, daemon: Daemon) -> None:
    """With dmesg_restrict the unit's capabilities do, and every kind starts at 0."""
    vm.run("sysctl -w kernel.dmesg_restrict=1")
    daemon.restart()
    page = page_of(daemon)

    assert not page.failed() & set(PROBES)
    assert page.by(COUNTED, "log").keys() == {"kernel", "xen"}
    assert set(page.of(COUNTED).values()) == {0}


def test_a_kill_of_the_kernel_is_counted_once(vm: Vm, daemon: Daemon, report: Report) -> None:
    """A real line is counted once, raises the alert, and is an earlier one after a restart."""
    before = page_of(daemon).get(COUNTED, **OOM)
    assert before is not None
    kills = int(vm.run(KILL).split()[-1])
    page = page_of(daemon)
    again = page_of(daemon)

    assert kills >= 1
    assert page.get(COUNTED, **OOM) == again.get(COUNTED, **OOM) == before + 1
    assert page.get(RECENT, **OOM, runbook="XenwatchOomKill") == before + 1
    assert alerting(again, "XenwatchLogMessage") == {"warning"}
    cpu = again.get("xenwatch_probe_cpu_seconds", probe="kernel_log") or 0
    report.note("CPU time of the probe kernel_log with a quiet log", cpu)
    daemon.restart()
    after = page_of(daemon)
    assert after.get(COUNTED, **OOM) == 0
    assert after.get(EARLIER, **OOM) == kills


def test_a_program_cannot_pretend_to_be_the_kernel(vm: Vm, daemon: Daemon) -> None:
    """What a program writes to /dev/kmsg looks like the kernel's line in dmesg, and is not one."""
    before = page_of(daemon).get(COUNTED, **FULL)
    vm.run(PRETEND)
    page = page_of(daemon)

    assert "table full" in vm.run("dmesg | tail -n 5")
    assert page.get(COUNTED, **FULL) == before
    assert page.get("xenwatch_kernel_log_lost_records_total") == 0


def test_xens_console_is_read_on_and_never_cleared(vm: Vm, daemon: Daemon, report: Report) -> None:
    """A dump of Xen is read without loss or a count, and `xl dmesg` still has all of it."""
    before = page_of(daemon)
    vm.run("xl debug-keys q; xl debug-keys g; xl debug-keys e")
    page = page_of(daemon)

    assert page.get("xenwatch_xen_console_lost_bytes_total") == 0
    assert {key: value for key, value in page.of(COUNTED).items() if ("log", "xen") in key} == {
        key: value for key, value in before.of(COUNTED).items() if ("log", "xen") in key
    }
    text = vm.run("xl dmesg")
    assert "(XEN) Xen version" in text
    assert "grant-table for remote d0" in text
    cpu = page_of(daemon).get("xenwatch_probe_cpu_seconds", probe="xen_console") or 0
    report.note("CPU time of the probe xen_console with a quiet console", cpu)


def test_a_guest_out_of_pod_memory_is_told(vm: Vm, daemon: Daemon) -> None:
    """Xen's own line about a guest that needs more than it was given is counted once."""
    before = page_of(daemon).get(COUNTED, **POD)
    assert before is not None
    shape = Shape("pvh", disks=0, vifs=0, extra=("memory=48", "maxmem=1024"))
    guests.create(vm, "pod", shape)
    try:
        vm.wait(lambda: "out of PoD memory" in vm.run("xl dmesg"), "a guest out of memory", 240)
        said = vm.run("xl dmesg").count("out of PoD memory")
        page = page_of(daemon)
        again = page_of(daemon)
    finally:
        vm.attempt("xl destroy pod")

    assert page.get(COUNTED, **POD) == again.get(COUNTED, **POD) == before + said


def test_a_full_table_of_neighbours_is_critical(vm: Vm, daemon: Daemon) -> None:
    """With the table full, by the kernel's own refusal, the limit is reached and the line told."""
    most = vm.run(f"sysctl -n {NEIGHBOURS_MAX}").strip()
    before = page_of(daemon).get(COUNTED, **OVERFLOW)
    assert before is not None
    vm.run(f"sysctl -w {NEIGHBOURS_MAX}={FEW}")
    try:
        said = vm.run(FILL)
        page = daemon.fresh(probes=(*PROBES, "kernel_tables"))
    finally:
        vm.attempt(f"sysctl -w {NEIGHBOURS_MAX}={most}; ip link delete tests-neigh")

    assert "No buffer space available" in said
    used = page.get("xenwatch_neighbours_used", family="ipv6") or 0
    assert used >= FEW
    assert page.get("xenwatch_neighbours_max", family="ipv6") == FEW
    assert alerting(page, "XenwatchNeighboursNearLimit") == {"warning", "critical"}
    # The kernel may have said it again since.
    most_said = vm.run("dmesg").count("table overflow!")
    assert before < (page.get(COUNTED, **OVERFLOW) or 0) <= before + most_said
