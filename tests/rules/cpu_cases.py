"""Cases of the alerts about dom0's CPU time, see `tests.rules.cases`."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import Case, Series, labelled

WRONG_PLACE: Final = {"comm": "qemu-system-i38", "cgroup": "/"}
STARVED: Final = (("warning", 0.3), ("critical", 0.1))


def waiting(value: str) -> Series:
    """How much of the time xapi waits for a CPU."""
    return labelled("xenwatch_daemon_waiting_ratio", value, role="xapi")


def share(value: str, waits: str, *severities: str) -> tuple[Series, ...]:
    """The toolstack's part of dom0's CPU time, how its daemons wait, and the thresholds."""
    return (
        labelled("xenwatch_slice_share_under_contention_ratio", value, slice="control.slice"),
        labelled("xenwatch_slice_share_under_contention_ratio", "0+0x20", slice="user.slice"),
        waiting(waits),
        labelled("xenwatch_daemon_waiting_ratio", "0+0x20", role="xenstored"),
        *(
            labelled(
                "xenwatch_alert_threshold", f"{at}+0x20", alert="XenwatchControlPathStarved",
                severity=severity,
            )
            for severity, at in STARVED if severity in severities
        ),
    )  # fmt: skip


def wakeups(each: int, idle: int) -> tuple[Series, ...]:
    """Wakeups of fifty QEMUs a minute, and idle seconds a minute of dom0's four vCPUs."""
    return (
        *(labelled("xenwatch_qemu_wakeups_total", f"0+{each}x80", domid=str(domid))
          for domid in range(50)),
        *(labelled("xenwatch_dom0_cpu_seconds_total", f"0+{idle}x80", cpu=str(cpu), mode="idle")
          for cpu in range(4)),
        labelled("xenwatch_dom0_vcpus", "4+0x80"),
    )  # fmt: skip


SLICE: Final = {"slice": "control.slice"}
CPU: Final = (
    Case(
        "XenwatchControlPathStarved", "a thousand QEMUs beside it, and xapi waits", 11,
        share("0.01+0x20", "0.4+0x20", "warning"), (("warning", SLICE, 0.01),),
    ),
    Case(
        "XenwatchControlPathStarved", "on a host with a critical threshold of its own", 11,
        share("0.01+0x20", "0.1+0x20", "warning", "critical"),
        (("warning", SLICE, 0.01), ("critical", SLICE, 0.01)),
    ),
    Case("XenwatchControlPathStarved", "sixty VMs beside it, and nobody waits", 20,
         share("0.04+0x20", "0.002+0x20", "warning", "critical")),
    Case("XenwatchControlPathStarved", "its usual share of a busy host", 20,
         share("0.75+0x20", "0.4+0x20", "warning", "critical")),
    Case("XenwatchControlPathStarved", "a kernel that does not tell who waits", 20,
         share("0.01+0x20", "_x20", "warning", "critical")),
    Case(
        "XenwatchMisplacedProcesses", "QEMUs in the root group, and xapi waits", 11,
        (labelled("xenwatch_misplaced_processes", "3+0x20", **WRONG_PLACE), waiting("0.4+0x20")),
        (("warning", WRONG_PLACE, 3),),
    ),
    Case(
        "XenwatchMisplacedProcesses", "QEMUs in the root group, and nobody waits", 20,
        (labelled("xenwatch_misplaced_processes", "3+0x20", **WRONG_PLACE), waiting("0.01+0x20")),
    ),
    Case(
        "XenwatchMisplacedProcesses", "on its way to its group", 11,
        (labelled("xenwatch_misplaced_processes", "1 stale", **WRONG_PLACE), waiting("0.4+0x20")),
    ),
    Case(
        "XenwatchQemuWakeups", "fifty idle VMs with emulated USB saturate four vCPUs", 80,
        wakeups(15000, 6), (("warning", {}, 3125),),
    ),
    Case("XenwatchQemuWakeups", "the same, and dom0 is idle", 80, wakeups(15000, 50)),
    Case("XenwatchQemuWakeups", "a busy dom0 whose QEMUs are quiet", 80, wakeups(60, 6)),
)  # fmt: skip
