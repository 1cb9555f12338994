"""PromQL and words for a panel, from a metric as it is declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.metrics import METRICS, Metric

QUANTILE: Final = 0.99
"""The part of what a histogram counts that is at most as slow as what is shown."""
INSTANCE: Final = 'instance="$instance"'
"""The series of the host that is looked at."""
INSTANCES: Final = 'instance=~"$instance"'
"""The series of the hosts of the pool that are looked at."""
DOMAINS: Final = f'{INSTANCE},domid=~"$domid"'
"""The series of the domains that are looked at."""

_NAME: Final = re.compile(r"\b(?:up|xenwatch_\w+)\b")
_LEFT_OUT: Final = {"xenwatch", "total", "bytes", "seconds", "ratio", "info", "timestamp"}
_SPELT: Final = {"cpu": "CPU", "dom0": "dom0", "qemu": "QEMU", "vcpus": "vCPUs", "vm": "VM"}
_BY_NAME: Final = {metric.name: metric for metric in METRICS}


def named(name: str) -> Metric:
    """The metric of that name. Raises `KeyError` where none is declared."""
    return _BY_NAME[name]


def names(expression: str) -> frozenset[str]:
    """The names of metrics in an expression; that of a histogram is without its suffix."""
    return frozenset(name.removesuffix("_bucket") for name in _NAME.findall(expression))


def select(metric: Metric, labels: str) -> str:
    """The series of a metric that have these labels."""
    return f"{metric.name}{{{labels}}}"


def expression(metric: Metric, labels: str) -> str:
    """What is worth looking at of a metric: its rate, its slowest, itself; of times those since."""
    series = select(metric, labels)
    if metric.kind == "histogram":
        buckets = f"{metric.name}_bucket{{{labels}}}"
        return f"histogram_quantile({QUANTILE}, rate({buckets}[$__rate_interval]))"
    if metric.kind == "counter":
        return f"rate({series}[$__rate_interval])"
    if "_not_after_" in metric.name:
        return f"{series} - time()"
    return f"time() - {series}" if "_timestamp_" in metric.name else series


def unit(metric: Metric) -> str:
    """The unit of `expression` as Grafana names it; a second in a second is a part of a CPU."""
    if metric.kind == "counter":
        return "percentunit" if "_seconds_" in metric.name else "cps"
    units = {"_bytes": "bytes", "_seconds": "s", "_ratio": "percentunit"}
    return next((name for suffix, name in units.items() if metric.name.endswith(suffix)), "short")


def labels_of(rule: str) -> list[str]:
    """The labels that the expression of a recording rule leaves."""
    return rule.partition("by (")[2].partition(")")[0].split(", ")


def record_unit(name: str) -> str:
    """The unit of what a rule records as Grafana names it, by the name of the rule."""
    if "bytes:rate" in name:
        return "Bps"
    return "percentunit" if "ratio" in name else "short"


def title(name: str) -> str:
    """A short title: the name of a metric without prefix, kind and unit."""
    words = [word for word in re.split(r"[:_]", name) if word not in _LEFT_OUT]
    text = " ".join(_SPELT.get(word, word) for word in words)
    return text if words[0] in _SPELT else text[0].upper() + text[1:]


def legend(labels: Iterable[str]) -> str:
    """The legend that shows these labels."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def _watched(alert: Alert | Watch) -> frozenset[str]:
    if isinstance(alert, Watch):
        return names(alert.expression)
    return frozenset(condition.metric for condition in alert.conditions.values())


def runbooks(queried: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Title and file of the runbook of every alert that watches one of the metrics."""
    every: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    for alert in every:
        if _watched(alert) & queried:
            yield alert.title, alert.runbook
