"""A dom0 that gets too little of the host's CPUs."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "dom0_cpu_steal"

ALERT: Final = Alert(
    name=_NAME,
    summary="dom0 waits for a CPU {value} of the time",
    description="For {value} of the time of its virtual CPUs, over the last five minutes, dom0 had "
    "something to run, but Xen ran VMs instead or a cap kept it waiting. Disks and network of all "
    "VMs and the toolstack wait with it. Its weight, cap and pinned vCPUs are in "
    "xenwatch_dom0_scheduler_weight, xenwatch_dom0_scheduler_cap_cpus and "
    "xenwatch_dom0_vcpus_pinned.",
    first="xenwatch once --format prometheus | grep -E "
    "'^xenwatch_(dom0_(cpu_steal|scheduler|vcpus)|host_(cpus|numa))'",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_dom0_cpu_steal_ratio"), ">=", OwnThreshold(_NAME, severity)
        )
        for severity in SEVERITIES
    },
    seconds=300,
    shown=PERCENT,
    probe="dom0_cpus",
    sparse=False,
    thresholds=Thresholds(0.1, None),
    errors={
        "steal (st) of dom0 in top, vmstat or mpstat is high": (
            "Xen runs other domains while dom0 has something to run: its scheduler weight or cap"
        ),
    },
)
