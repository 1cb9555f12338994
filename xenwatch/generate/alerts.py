"""The page of the alerts, from the table of alerts."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.conditions import Condition, DaysLeftCondition, OwnThreshold, SeriesCondition
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.alerts.wording import duration
from xenwatch.config import alert_keys
from xenwatch.generate.markdown import code, page, table

_INTRODUCTION = """\
The daemon evaluates its alerts once per pass; Prometheus evaluates the same alerts with the rules
in [`contrib/prometheus`](../contrib/prometheus/xenwatch.rules.yml), generated from the same table.
Both compare the same values with the same thresholds, so a threshold changed in
[the configuration](configuration.md) applies to both.
How long a condition must hold is written into the rules; to change a duration, regenerate
them with `xenwatch generate rules --config.file FILE --directory DIR`.
[Alerting](alerting.md) says how alerts are delivered."""

_PROMETHEUS_ONLY = """\
Only Prometheus evaluates these: they watch xenwatch itself, several hosts or long periods."""


def _when(alert: Alert) -> str:
    """The conditions as text, in the order of the severities; what is the same once."""
    return ", ".join(dict.fromkeys(map(_text, alert.conditions.values())))


def _text(condition: Condition) -> str:
    """A comparison with thresholds, or the expression."""
    if isinstance(condition, DaysLeftCondition):
        return f"{code(condition.left.promql())} comes in fewer days than the alert's threshold"
    if not isinstance(condition, SeriesCondition):
        return "the used ratio reaches the limit's threshold"
    if isinstance(condition.right, OwnThreshold):
        return f"{code(condition.left.promql())} {condition.compare} the alert's threshold"
    return code(" ".join(condition.promql().split()))


def _rows(alerts: Iterable[Alert]) -> Iterable[tuple[str, ...]]:
    for alert in alerts:
        yield (
            f"[{alert.title}](../contrib/runbooks/{alert.runbook})",
            ", ".join(alert.conditions),
            _when(alert),
            duration(alert_keys.seconds(alert).default),
            ", ".join(code(label) for label in alert.labels),
        )


def _watch_rows(watches: Iterable[Watch]) -> Iterable[tuple[str, ...]]:
    for watch in watches:
        yield (
            f"[{watch.title}](../contrib/runbooks/{watch.runbook})",
            watch.severity,
            code(" ".join(watch.expression.split())),
            duration(watch.seconds),
        )


def alerts_page(alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES) -> str:
    """`docs/alerts.md`."""
    return page(
        "Alerts",
        _INTRODUCTION,
        table(("Alert", "Severities", "When", "For", "Labels"), _rows(alerts)),
        _PROMETHEUS_ONLY,
        table(("Alert", "Severity", "When", "For"), _watch_rows(watches)),
    )
