"""The metrics of dom0's place in Xen's scheduler."""

from __future__ import annotations

from typing import Final

from xenwatch.metrics.base import Metric, number_of, rows_of

_rows = number_of(lambda snapshot: snapshot.scheduling)
_facts = rows_of(lambda snapshot: snapshot.scheduling)(
    lambda scheduling: [((scheduling.scheduler,), 1)]
)

_DOMCTL: Final = "XEN_DOMCTL_scheduler_op"
_PHYSINFO: Final = "XEN_SYSCTL_physinfo"

SCHEDULING_METRICS: Final = (
    Metric(
        "xenwatch_dom0_scheduler_info",
        "info",
        "Xen's scheduler of dom0, as sched= on Xen's command line names it.",
        "XEN_SYSCTL_sched_id",
        _facts,
        ("scheduler",),
    ),
    Metric(
        "xenwatch_dom0_scheduler_weight",
        "gauge",
        "Weight of dom0 in Xen's scheduler; that of VMs is 256 by default.",
        _DOMCTL,
        _rows(lambda scheduling: scheduling.weight),
    ),
    Metric(
        "xenwatch_dom0_scheduler_cap_cpus",
        "gauge",
        "CPUs that dom0 may use at most, even if others are idle; 0: no cap.",
        _DOMCTL,
        _rows(lambda scheduling: scheduling.cap),
    ),
    Metric(
        "xenwatch_dom0_vcpus_pinned",
        "gauge",
        "Virtual CPUs of dom0 that may run on some of the host's CPUs only (hard affinity).",
        "XEN_DOMCTL_getvcpuaffinity",
        _rows(lambda scheduling: scheduling.pinned),
    ),
    Metric(
        "xenwatch_host_cpus",
        "gauge",
        "CPUs of the host that are online.",
        _PHYSINFO,
        _rows(lambda scheduling: scheduling.cpus),
    ),
    Metric(
        "xenwatch_host_numa_nodes",
        "gauge",
        "NUMA nodes of the host.",
        _PHYSINFO,
        _rows(lambda scheduling: scheduling.nodes),
    ),
)
"""The metrics of the probe `scheduling`."""
