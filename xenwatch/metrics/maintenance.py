"""The metrics of maintenance; only a daemon has them, as it follows the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.alerts.maintenance import Maintenance
from xenwatch.metrics.base import Metric, Readings, Row, Rows


def _rows(value: Callable[[Maintenance | None], float]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        assessment = readings.assessment
        if assessment.rules.maintenance is None:
            return ()
        return [((), value(assessment.maintenance))]

    return rows


_SOURCE: Final = "xenwatch maintenance, maintenance.until of the configuration"

MAINTENANCE_METRICS: Final = (
    Metric(
        "xenwatch_maintenance",
        "gauge",
        "1 while the host is in maintenance and its alerts notify nobody, else 0.",
        _SOURCE,
        _rows(lambda found: int(found is not None)),
    ),
    Metric(
        "xenwatch_maintenance_end_timestamp_seconds",
        "gauge",
        "Unix time at which the maintenance of the host ends; 0 if it is not in maintenance.",
        _SOURCE,
        _rows(lambda found: found.until if found else 0),
    ),
)
"""The metrics of maintenance."""
