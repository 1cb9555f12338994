"""What the alerts of a host come to in a check: one finding a kind, with the VMs named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS
from xenwatch.limits.states import Severity
from xenwatch.status.host_status import FIRING, AlertRow, HostStatus, foremost
from xenwatch.values import dataclass

_OF_LIMITS: Final = frozenset(near_limit(limit).name for limit in LIMITS)
"""Alerts that say what the check says of the limits itself."""
ALERT_NAMES: Final = tuple(alert.name for alert in ALERTS if alert.name not in _OF_LIMITS)
"""The alerts a check judges."""
_NAMES: Final = {alert.title: alert.name for alert in ALERTS}
_BY_TITLE: Final = {alert.title: alert for alert in ALERTS}
_BY_LIMIT: Final = frozenset(alert.name for alert in ALERTS if alert.probes)
"""Alerts with a series a limit: unknown where the limit is, which the check says already."""
_PROBES: Final = {limit.probe for limit in LIMITS}
UNREAD: Final = "probe_failing"
"""The alert that is about what could not be read: unknown, not a warning."""
MOST_TOLD: Final = 3
"""Series of an alert that are told, the others are counted: the line is for a pager."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A limit or an alert as judged, and what to say of it.

    Of a limit also the ratio and the performance data of its fullest instance.
    """

    name: str
    severity: Severity
    words: str
    ratio: float = 0.0
    data: str = ""


def alerts(status: HostStatus, excluded: frozenset[str]) -> list[Finding]:
    """The alerts that fire, and those whose state is unknown.

    Left out are those about limits, which the check judges by itself, with its own thresholds.
    """
    left_out = _OF_LIMITS | excluded
    if status.alerts is None:
        told = any(name not in left_out for name in ALERT_NAMES)
        return [Finding("alerts", Severity.UNKNOWN, "no alerts evaluated yet")] if told else []
    kinds: dict[str, list[AlertRow]] = {}
    for row in foremost(status.alerts):
        name = _NAMES.get(row.alert, row.alert)  # a newer daemon may have others
        if row.state == FIRING and name not in left_out and not _told(row, excluded):
            kinds.setdefault(name, []).append(row)
    unknown = [name for name in status.alerts_unknown if name not in left_out | _BY_LIMIT]
    own = {
        name: [row for row in rows if not _explained(row, kinds)] for name, rows in kinds.items()
    }
    found = [_finding(name, rows) for name, rows in own.items() if rows]
    if unknown:
        words = f"alerts unknown: {', '.join(unknown)}"
        found.append(Finding("alerts", Severity.UNKNOWN, words))
    return found


def _explained(row: AlertRow, kinds: Mapping[str, Sequence[AlertRow]]) -> bool:
    """Whether another alert that is told is the cause: of what both name, they name the same."""
    alert = _BY_TITLE.get(row.alert)
    if alert is None or any(
        row.labels.get(name) not in only for name, only in alert.explained.items()
    ):
        return False
    causes = (each for name in alert.causes for each in kinds.get(name, ()))
    return any(
        all(row.labels[label] == cause.labels[label] for label in row.labels.keys() & cause.labels)
        for cause in causes
    )


def _told(row: AlertRow, excluded: frozenset[str]) -> bool:
    """Whether the check says it of a limit, or is not to say anything of that limit."""
    if row.labels.get("limit") in excluded:
        return True
    return _NAMES.get(row.alert) == UNREAD and row.labels.get("probe") in _PROBES


def _finding(name: str, rows: Sequence[AlertRow]) -> Finding:
    worst = Severity.CRITICAL if _critical(rows) else Severity.WARNING
    words = [row.summary for row in rows[:MOST_TOLD]]
    if len(rows) > MOST_TOLD:
        words.append(f"and {len(rows) - MOST_TOLD} more")
    return Finding(name, Severity.UNKNOWN if name == UNREAD else worst, ", ".join(words))


def _critical(rows: Iterable[AlertRow]) -> bool:
    return any(row.severity == Severity.CRITICAL.value for row in rows)
