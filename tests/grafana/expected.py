"""What the dashboards are to show of alerts, limits and times, in Grafana's words and colours."""

from __future__ import annotations

from collections.abc import Iterator

from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.alerts.states import Active, Alerts, State
from xenwatch.limits.states import LimitState
from xenwatch.limits.thresholds import reached

GREEN, ORANGE, RED, DARK_RED, BLUE = "#73BF69", "#FF9830", "#F2495C", "#C4162A", "#5794F2"
"""Grafana's colours of those names in its dark theme (grafana-data, createVisualizationColors)."""


def worst(alerts: Alerts) -> tuple[str, str]:
    """The state of a host in a word and a colour, by what its daemon says."""
    found = {one.severity for one in alerts.firing}
    if CRITICAL in found:
        return "Critical", RED
    if WARNING in found:
        return "Warning", ORANGE
    unknown = State.UNKNOWN in alerts.states.values()
    return ("Unknown", "#B877D9") if unknown else ("OK", GREEN)


def shown_of(alerts: Alerts) -> Iterator[Active]:
    """The active alerts but for warnings about what is critical."""
    critical = {
        (one.alert.name, one.labels)
        for one in alerts.active.values()
        if one.severity == CRITICAL and one.state is State.FIRING
    }
    for one in alerts.active.values():
        if one.severity == CRITICAL or (one.alert.name, one.labels) not in critical:
            yield one


def worded(seconds: float) -> str:
    """A time as Grafana writes it with one decimal (grafana-data, dateTimeFormatters)."""
    units = (("s", 1), ("mins", 60), ("hours", 3600), ("days", 86400), ("weeks", 604800))
    name, size = [(name, size) for name, size in units if seconds >= size][-1]
    return f"{seconds / size:.1f} {name}"


def color_of(state: LimitState) -> str:
    """The colour of a limit's bar by its own thresholds."""
    if reached(state.ratio, state.thresholds.critical):
        return RED
    return ORANGE if reached(state.ratio, state.thresholds.warning) else GREEN
