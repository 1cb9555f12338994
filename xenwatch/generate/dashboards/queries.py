"""PromQL for panels: the series that are looked at, and what is worth looking at of a metric."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS, Metric
from xenwatch.values import dataclass

QUANTILE: Final = 0.99
"""The part of what a histogram counts that is at most as slow as what is shown."""
JOB: Final = 'job=~"$job"'
INSTANCE: Final = f'{JOB},instance="$instance"'
"""The series of the host that is looked at."""
INSTANCES: Final = f'{JOB},instance=~"$instance"'
"""The series of the hosts of the pool that are looked at."""
DOMAIN: Final = f'{INSTANCE},domid!="",domid=~"$domid"'
"""The series of the VM that is looked at, under each domid it has had; none where there is none."""
HOST: Final = "job, instance"
"""The labels that are one host."""

_NAME: Final = re.compile(r"\b(?:up|xenwatch_\w+)\b")
_BY_NAME: Final = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as Grafana names it, and what a column of such values is called."""

    name: str
    heading: str


COUNT: Final = Unit("short", "Number")
_EVENTS: Final = Unit("cps", "Events")
_PART: Final = Unit("percentunit", "Share")
_THROUGHPUT: Final = Unit("Bps", "Throughput")
UNITS: Final = {
    "_bytes_total": _THROUGHPUT,
    "_seconds_total": _PART,
    "_packets_total": Unit("pps", "Packets"),
    "_requests_total": Unit("reqps", "Requests"),
    "_total": _EVENTS,
    "_per_second": _EVENTS,
    "_speed_bytes": _THROUGHPUT,
    "_bytes": Unit("bytes", "Bytes"),
    "_seconds": Unit("s", "Time"),
    "_ratio": _PART,
}
"""The units by the end of a metric's name; the first that fits counts."""


def named(name: str) -> Metric:
    """The metric of that name. Raises `KeyError` where none is declared."""
    return _BY_NAME[name]


def names(expression: str) -> frozenset[str]:
    """The names of metrics in an expression; that of a histogram is without its suffix."""
    return frozenset(
        re.sub("_(bucket|count|sum)$", "", name) if name not in _BY_NAME else name
        for name in _NAME.findall(expression)
    )


def select(name: str, labels: str, **more: str) -> str:
    """The series of a metric that have these labels, `more` by name with their value.

    Raises `KeyError` where the metric is not declared.
    """
    return f"{named(name).name}{{{narrow(labels, **more)}}}"


def narrow(labels: str, **more: str) -> str:
    """Matchers of labels, with more labels that have this value."""
    return ",".join((labels, *(f'{name}="{value}"' for name, value in more.items())))


def rate(name: str, labels: str) -> str:
    """By how much a counter rises in a second."""
    return _rise(select(name, labels))


def slowest(name: str, labels: str) -> str:
    """What but the slowest of what a histogram counts stay below."""
    return _quantile(f"{named(name).name}_bucket{{{labels}}}")


def _rise(series: str) -> str:
    return f"rate({series}[$__rate_interval])"


def _quantile(buckets: str) -> str:
    return f"histogram_quantile({QUANTILE}, {_rise(buckets)})"


def expression(metric: Metric, labels: str) -> str:
    """What is worth looking at of a metric: its rate, its slowest, itself; of times those since."""
    if metric.kind == "histogram":
        return _quantile(f"{metric.name}_bucket{{{labels}}}")
    series = f"{metric.name}{{{labels}}}"
    if metric.kind == "counter":
        return _rise(series)
    if metric.name == "xenwatch_certificate_not_after_timestamp_seconds":
        return f"{series} - time()"
    return f"time() - {series}" if "_timestamp_" in metric.name else series


def unit(metric: Metric) -> Unit:
    """The unit of `expression`; a second in a second is a part of a CPU."""
    return next((found for end, found in UNITS.items() if metric.name.endswith(end)), COUNT)


def most(count: int, series: str, by: Iterable[str]) -> str:
    """The series that are greatest now, over all of the time shown.

    `topk` alone finds others at each step of a range: a legend of all of them. The modifier `@` is
    of Prometheus 2.33 (docs/querying/basics, "@ modifier"); `by` are the labels of the series.
    """
    ranked = re.sub(r"(\{[^{}]*\}(?:\[[^\]]*\])?)", r"\1 @ end()", series)
    return f"({series}) and on ({', '.join(by)}) topk({count}, {ranked})"


def with_names(series: str, labels: str) -> str:
    """Series with the VM's name and UUID where they are known."""
    on = f"on ({HOST}, domid)"
    info = select("xenwatch_domain_info", labels)
    return f"({series}) * {on} group_left (name, uuid) {info} or {on} ({series})"


def _watched(alert: Alert | Watch) -> frozenset[str]:
    if isinstance(alert, Watch):
        return names(alert.expression)
    return frozenset(condition.metric for condition in alert.conditions.values())


def runbooks(queried: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Title and file of the runbook of every alert that watches one of the metrics.

    Those of limits are left out, which are linked from the alert itself.
    """
    of_limits = {near_limit(limit).name for limit in LIMITS}
    every: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    for alert in every:
        if alert.name not in of_limits and _watched(alert) & queried:
            yield alert.title, alert.runbook
