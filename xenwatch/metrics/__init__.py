"""The table of metrics, from which the exported families and `docs/metrics.md` are made.

Those of the limits come from the table of limits. A row whose value is `None` could not be read
and becomes no sample. No metric has a label for the host: that is Prometheus's own `instance`.
"""

from __future__ import annotations

from typing import Final

from xenwatch.assessment import Assessment
from xenwatch.exposition.text_format import Family
from xenwatch.limits import LIMITS
from xenwatch.metrics.alerts import ALERT_METRICS, alert_states
from xenwatch.metrics.base import Configured, Counts, Metric, Readings, Recorded
from xenwatch.metrics.clock import CLOCK_METRICS
from xenwatch.metrics.control_path import CONTROL_PATH_METRICS
from xenwatch.metrics.datapath import DATAPATH_METRICS
from xenwatch.metrics.disks import DISK_METRICS
from xenwatch.metrics.guest_storage import GUEST_STORAGE_METRICS
from xenwatch.metrics.ha import HA_METRICS
from xenwatch.metrics.host import HOST_METRICS
from xenwatch.metrics.kept import Families
from xenwatch.metrics.log_messages import LOG_METRICS
from xenwatch.metrics.maintenance import MAINTENANCE_METRICS
from xenwatch.metrics.memory_pressure import MEMORY_PRESSURE_METRICS
from xenwatch.metrics.netback import NETBACK_METRICS
from xenwatch.metrics.outlook import OUTLOOK_METRICS
from xenwatch.metrics.own import OWN_METRICS, limit_metrics
from xenwatch.metrics.qemu import QEMU_METRICS
from xenwatch.metrics.restarts import RESTART_METRICS
from xenwatch.metrics.scheduling import SCHEDULING_METRICS
from xenwatch.metrics.slices import SLICE_METRICS
from xenwatch.metrics.storage_paths import STORAGE_PATH_METRICS
from xenwatch.metrics.upkeep import UPKEEP_METRICS
from xenwatch.metrics.uplinks import UPLINK_METRICS
from xenwatch.metrics.vm_processes import VM_PROCESS_METRICS
from xenwatch.metrics.vm_starts import VM_START_METRICS

__all__ = [
    "METRICS",
    "Configured",
    "Counts",
    "Families",
    "Metric",
    "Recorded",
    "alert_states",
    "by_name",
    "families",
]

METRICS: Final[tuple[Metric, ...]] = (
    *(metric for limit in LIMITS for metric in limit_metrics(limit)),
    *OUTLOOK_METRICS,
    *ALERT_METRICS,
    *MAINTENANCE_METRICS,
    *OWN_METRICS,
    *HOST_METRICS,
    *RESTART_METRICS,
    *MEMORY_PRESSURE_METRICS,
    *LOG_METRICS,
    *UPKEEP_METRICS,
    *QEMU_METRICS,
    *VM_PROCESS_METRICS,
    *SLICE_METRICS,
    *CONTROL_PATH_METRICS,
    *SCHEDULING_METRICS,
    *CLOCK_METRICS,
    *HA_METRICS,
    *DATAPATH_METRICS,
    *NETBACK_METRICS,
    *UPLINK_METRICS,
    *DISK_METRICS,
    *GUEST_STORAGE_METRICS,
    *STORAGE_PATH_METRICS,
    *VM_START_METRICS,
)
"""Every metric made from a snapshot, in the order of the page."""


def families(assessment: Assessment, counts: Counts | None = None) -> list[Family]:
    """Every family that has a sample, in the order of `METRICS`, but for the alerts' states.

    The alerts are evaluated on these families; their states are `alert_states`.
    """
    readings = Readings.from_assessment(assessment, counts)
    made = (metric.family(readings, assessment.fence) for metric in METRICS)
    return [family for family in made if family.samples or family.histograms]


def by_name(
    assessment: Assessment, counts: Counts | None = None, before: Families | None = None
) -> Families:
    """The same families by name, each made when it is asked for; one without samples is empty.

    `before` are those of the pass before, or of the pass this is a part of.
    """
    return Families(METRICS, Readings.from_assessment(assessment, counts), before)
