"""The page of the alerts, from the table of alerts."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.alerts.table import ALERTS, WATCHES, Alert, Watch
from xenwatch.alerts.wording import duration
from xenwatch.config import alert_keys
from xenwatch.generate.markdown import code, page, table

_INTRODUCTION = """\
The daemon evaluates its alerts on each page of metrics it makes; Prometheus evaluates the same
alerts by the rules in [`contrib/prometheus`](../contrib/prometheus/xenwatch.rules.yml), made from
the same table.
Both compare the same series with the same exported thresholds, so a threshold changed in
[the configuration](configuration.md) moves both.
How long a condition must hold is written into the rules; with durations of your own, make them
anew with `xenwatch generate rules --config.file FILE --directory DIR`.
[Alerting](alerting.md) says how to be told."""

_ALONE = """\
These are for Prometheus alone: they watch xenwatch itself, look at many hosts, or far back."""


def _when(alert: Alert) -> str:
    """The condition for people: where the thresholds are, or the expression."""
    if alert.section:
        return "the used ratio is at the limit's threshold"
    first = next(iter(alert.conditions.values()))
    if alert.thresholds is not None:
        return f"{code(first.left.promql())} {first.compare} the alert's threshold"
    return code(" ".join(first.promql().split()))


def _rows(alerts: Iterable[Alert]) -> Iterable[tuple[str, ...]]:
    for alert in alerts:
        yield (
            f"[{alert.title}](../contrib/runbooks/{alert.title}.md)",
            ", ".join(alert.conditions),
            _when(alert),
            duration(alert_keys.seconds(alert).default),
            ", ".join(code(label) for label in alert.labels),
        )


def _alone(watches: Iterable[Watch]) -> Iterable[tuple[str, ...]]:
    for watch in watches:
        yield (
            f"[{watch.title}](../contrib/runbooks/{watch.title}.md)",
            watch.severity,
            code(" ".join(watch.expression.split())),
            duration(watch.seconds),
        )


def alerts_page() -> str:
    """`docs/alerts.md`."""
    return page(
        "Alerts",
        _INTRODUCTION,
        table(("Alert", "Severities", "When", "For", "Labels"), _rows(ALERTS)),
        _ALONE,
        table(("Alert", "Severity", "When", "For"), _alone(WATCHES)),
    )
