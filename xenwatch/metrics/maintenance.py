"""The metrics of maintenance."""

from __future__ import annotations

from typing import Final

from xenwatch.metrics.base import Metric, Readings


def _until(readings: Readings) -> float:
    """When it ends, 0 without one."""
    found = readings.assessment.maintenance
    return found.until if found else 0.0


_SOURCE: Final = "xenwatch maintenance, maintenance.until of the configuration"

MAINTENANCE_METRICS: Final = (
    Metric(
        "xenwatch_maintenance",
        "gauge",
        "1 while the host is in maintenance and its alerts notify nobody, else 0.",
        _SOURCE,
        lambda readings: [((), int(readings.assessment.maintenance is not None))],
    ),
    Metric(
        "xenwatch_maintenance_end_timestamp_seconds",
        "gauge",
        "Unix time at which the maintenance of the host ends; 0 without one.",
        _SOURCE,
        lambda readings: [((), _until(readings))],
    ),
)
"""The metrics of maintenance."""
