"""The page of the alerts, from the table of alerts."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.bounds import DEFAULTS
from xenwatch.alerts.by_vm import ByVm
from xenwatch.alerts.conditions import Condition, DaysLeftCondition, OwnThreshold, SeriesCondition
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.alerts.wording import duration
from xenwatch.generate.markdown import code, page, table
from xenwatch.generate.rules import expression

_INTRODUCTION = """\
The daemon evaluates its alerts once per pass; Prometheus evaluates the same alerts with the rules
in [`contrib/prometheus`](../contrib/prometheus/xenwatch.rules.yml), generated from the same table.
Both compare the same values with the same thresholds, so a threshold changed in
[the configuration](configuration.md) applies to both.
Durations and the numbers in the column "When" are written into the rules; after changing one,
regenerate them with `xenwatch generate rules --config.file FILE --directory DIR`.
[Alerting](alerting.md) says how alerts are delivered, [Notifications](notifications.md) when.
The description of an alert ends with its first command."""

_PROMETHEUS_ONLY = """\
Only Prometheus evaluates these: they watch xenwatch itself, several hosts or long periods."""


def _when(alert: Alert) -> str:
    """The conditions as text, in the order of the severities; what is the same once."""
    return ", ".join(dict.fromkeys(map(_text, alert.conditions.values())))


def _text(condition: Condition) -> str:
    """A comparison with thresholds, or the expression."""
    condition = condition.condition if isinstance(condition, ByVm) else condition
    if isinstance(condition, DaysLeftCondition):
        return f"{code(condition.left.promql())} comes in fewer days than the alert's threshold"
    if not isinstance(condition, SeriesCondition):
        return "the used ratio reaches the limit's threshold"
    if isinstance(condition.right, OwnThreshold):
        return _compared(condition)
    return code(" ".join(condition.promql().split()))


def _compared(condition: SeriesCondition) -> str:
    text = f"{code(condition.left.promql())} {condition.compare} the alert's threshold"
    measured = condition.measured
    return text + (f" and {code(measured.promql(DEFAULTS))}" if measured else "")


def _rows(alerts: Iterable[Alert]) -> Iterable[tuple[str, ...]]:
    for alert in alerts:
        yield (
            f"[{alert.title}](../contrib/runbooks/{alert.runbook})",
            ", ".join(alert.conditions),
            _when(alert),
            _for(alert),
            ", ".join(code(label) for label in (*alert.labels, *alert.fixed)),
            code(alert.first),
        )


def _watch_rows(watches: Iterable[Watch]) -> Iterable[tuple[str, ...]]:
    for watch in watches:
        yield (
            f"[{watch.title}](../contrib/runbooks/{watch.runbook})",
            ", ".join(watch.severities),
            code(" ".join(expression(watch).split())),
            _for(watch),
            code(watch.first),
        )


def _for(alert: Alert | Watch) -> str:
    """How long the condition must hold by default, for each severity where that differs."""
    text = duration(alert.seconds)
    critical = alert.critical_seconds
    return text if critical is None else f"{text}; critical: {duration(critical)}"


def alerts_page(alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES) -> str:
    """`docs/alerts.md`."""
    return page(
        "Alerts",
        _INTRODUCTION,
        table(("Alert", "Severities", "When", "For", "Labels", "First command"), _rows(alerts)),
        _PROMETHEUS_ONLY,
        table(("Alert", "Severities", "When", "For", "First command"), _watch_rows(watches)),
    )
