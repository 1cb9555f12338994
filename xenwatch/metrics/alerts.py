"""The metrics of the alerts: thresholds before they are evaluated, states after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.alerts.names import CRITICAL, WARNING, alert_name
from xenwatch.assessment import Assessment
from xenwatch.exposition.text_format import Family
from xenwatch.metrics.base import Metric, Readings, Row


def _thresholds(readings: Readings) -> Iterable[Row]:
    policy = readings.assessment.rules.policy
    for name, thresholds in (policy.thresholds if policy else {}).items():
        yield (alert_name(name), WARNING), thresholds.warning
        yield (alert_name(name), CRITICAL), thresholds.critical


def _states(readings: Readings) -> Iterable[Row]:
    alerts = readings.assessment.alerts
    for (name, severity), state in (alerts.states if alerts else {}).items():
        yield (alert_name(name), severity, state.value), 1


ALERT_STATE: Final = Metric(
    "xenwatch_alert_state",
    "gauge",
    "1 for the worst state among the alert's series: firing, pending, unknown or ok.",
    "alert conditions and the exported metrics",
    _states,
    ("alert", "severity", "state"),
)
ALERT_METRICS: Final = (
    Metric(
        "xenwatch_alert_threshold",
        "gauge",
        "Threshold of the alert at this severity; for limits see xenwatch_limit_threshold_ratio.",
        "alert defaults and the configuration",
        _thresholds,
        ("alert", "severity"),
    ),
    ALERT_STATE,
)
"""The metrics of the alerts."""


def alert_states(assessment: Assessment) -> Family:
    """The family of the alerts' states, made after the families they are evaluated on."""
    return ALERT_STATE.family(Readings.from_assessment(assessment), assessment.fence)
