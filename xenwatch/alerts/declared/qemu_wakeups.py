"""QEMUs that wake up too often."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import NUMBER, PERCENT, Watch
from xenwatch.alerts.bounds import Bound

ALERT: Final = Watch(
    name="qemu_wakeups",
    summary="QEMUs on {instance} wake up {value} times a second for each vCPU of dom0",
    description="dom0 of {instance} is busy, and its QEMUs wake up {value} times a second for each "
    "vCPU of dom0. Ten thousand a second cost about one CPU; idle VMs need next to none.",
    first="xenwatch once --format prometheus | grep '^xenwatch_qemu_'",
    expression="round(\n"
    "  sum by (job, instance) (rate(xenwatch_qemu_wakeups_total[10m]))\n"
    "/ on (job, instance)\n  xenwatch_dom0_vcpus\n"
    ") > $per_vcpu\n"
    "and on (job, instance)\navg by (job, instance) (cpu:xenwatch_dom0_cpu_busy:ratio5m) > $busy",
    seconds=3600,
    bounds=(
        Bound(
            "per_vcpu", 1000.0, "more than this many wakeups a second for each vCPU of dom0", NUMBER
        ),
        Bound(
            "busy", 0.8, "only while more than this fraction of dom0's CPU time is used", PERCENT
        ),
    ),
    errors={"dom0 is busy although the guests are idle": "CPU time wasted on QEMU wakeups"},
)
