"""The metrics of the alerts: thresholds before they are evaluated, states after."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from xenwatch.alerts.states import Alerts
from xenwatch.alerts.table import alert_name
from xenwatch.exposition.text_format import Family
from xenwatch.metrics.base import EngineStats, Metric, Outlook, Readings, Row
from xenwatch.readings.snapshot import Snapshot


def _thresholds(readings: Readings) -> Iterable[Row]:
    for name, thresholds in readings.outlook.alert_thresholds.items():
        for severity, value in dataclasses.asdict(thresholds).items():
            yield (alert_name(name), severity), value


def _states(readings: Readings) -> Iterable[Row]:
    for (name, severity), state in readings.outlook.alerts.states.items():
        yield (alert_name(name), severity, state.value), 1


ALERT_STATE: Final = Metric(
    "xenwatch_alert_state",
    "gauge",
    "1 for the worst state of the alert's series: firing, pending, unknown or ok.",
    "the table of alerts and the metrics of this page",
    _states,
    ("alert", "severity", "state"),
)
ALERT_METRICS: Final = (
    Metric(
        "xenwatch_alert_threshold",
        "gauge",
        "Value from which the alert has this severity, where it is not the ratio of a limit.",
        "the table of alerts and the configuration",
        _thresholds,
        ("alert", "severity"),
    ),
    ALERT_STATE,
)
"""The metrics of the alerts."""


def alert_states(alerts: Alerts) -> Family:
    """The family of the states, for a page whose other families they were made of."""
    return ALERT_STATE.family(Readings(Snapshot(), {}, EngineStats(), Outlook(alerts=alerts)))
