"""Metrics that have no panel of their own: all of them, in a table for each unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import Dataquery

from xenwatch.generate.dashboards.board import variable
from xenwatch.generate.dashboards.panels import (
    LITTLE,
    STATUS,
    AnyPanel,
    Query,
    Style,
    Subject,
    choose,
)
from xenwatch.generate.dashboards.queries import (
    COUNT,
    HOST,
    QUANTILE,
    UNITS,
    Unit,
    expression,
    most,
    names,
    unit,
)
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS, Metric

MOST: Final = 5
"""Series shown of a metric, the greatest."""
_OF_LIMITS: Final = {name for limit in LIMITS for name in (limit.used_metric, limit.max_metric)}


def asked(panels: Iterable[AnyPanel]) -> frozenset[str]:
    """The metrics that panels ask for."""
    found = (
        names(target.expr)
        for panel in panels
        for target in panel.build().targets or ()
        if isinstance(target, Dataquery)
    )
    return frozenset().union(*found)


def _column(metrics: Sequence[Metric], labels: str) -> Column:
    """The metrics of one unit, each with its greatest series."""
    series = " or ".join(
        f"label_replace(topk({MOST}, {expression(metric, labels)}), "
        f'"metric", "{metric.name}", "", "")'
        for metric in metrics
    )
    others = dict.fromkeys(label for metric in metrics for label in metric.labels)
    joined = ", ".join(f'"{label}"' for label in others if label != "domid")
    of = f'label_join({series}, "of", " ", {joined})' if joined else series
    found = unit(metrics[0])
    value = f"max by ({HOST}, metric, of) ({of})"
    return Column(found.heading, value, unit=found.name, width=100)


def remaining(
    style: Style, panels: Iterable[AnyPanel], labels: str, *, of_domains: bool
) -> table.Panel:
    """What no other panel of the board asks for: a row for each series, a column for each unit."""
    shown = asked(panels) | _OF_LIMITS
    by_unit: defaultdict[Unit, list[Metric]] = defaultdict(list)
    for metric in METRICS:
        if metric.name not in shown and ("domid" in metric.labels) is of_domains:
            by_unit[unit(metric)].append(metric)
    columns = [_column(found, labels) for found in by_unit.values()]
    subject = Subject(
        "All other metrics",
        f"Metrics that are in no other panel: the {MOST} greatest series of each, counters as "
        "their rise in a second. A click on a metric shows it over time.",
        [STATUS],
        runbooks=False,
    )
    rows = Rows(
        {
            "metric": Label("Metric", link=choose(style.uid, "metric", "This metric over time")),
            "of": Label("Of"),
            "instance": Label("Host", hidden=True),
        },
        columns,
        sort=(("Metric", False), ("Of", False)),
        first=("Metric", "Of", *(column.title for column in columns)),
    )
    return draw(style, subject, rows)


def choice(labels: str) -> QueryVariable:
    """The metric to be shown over time; a histogram is one, not the series it consists of."""
    found = f'label_values({{__name__=~"xenwatch_.+",{labels}}}, __name__)'
    return variable("metric", "Metric", found).regex("/^(.+?)(?:_bucket)?$/")


def history(style: Style, labels: str, *, of_domains: bool) -> timeseries.Panel:
    """The metric that was chosen over time."""
    own = [metric for metric in METRICS if "domid" in metric.labels or not of_domains]
    others = list(dict.fromkeys(label for metric in own for label in metric.labels))
    left = (f"{{{{{label}}}}}" for label in others if label not in {"name", "uuid"})
    shown = " ".join(("$metric", *left))
    name = '__name__="$metric"'
    rises = f'rate({{{name},__name__=~".+_(total|count|sum)",{labels}}}[$__rate_interval])'
    stands = f'{{{name},__name__!~".+_(total|count|sum|bucket)",{labels}}}'
    subject = Subject(
        "The chosen metric over time",
        "The ten greatest series of the metric chosen above; of a counter its rise in a second. "
        "A click on a metric in a table below chooses it.",
        [STATUS],
    )
    asked = [Query(most(10, series, [HOST, *others]), shown) for series in (rises, stands)]
    if any(metric.kind == "histogram" for metric in own):
        buckets = f'rate({{__name__=~"($metric)_bucket",{labels}}}[$__rate_interval])'
        asked.append(Query(f"histogram_quantile({QUANTILE}, {buckets})", shown))
    panel = style.series(subject, COUNT.name, asked)
    # Of the units whose end fits the first counts, of overrides the last.
    for end, found in reversed(UNITS.items()):
        unit_of = [DynamicConfigValue("unit", found.name)]
        if found.name in {"percentunit", "s"}:
            unit_of.append(DynamicConfigValue("custom.axisSoftMax", LITTLE))
        panel.override_by_regexp(rf"/^\w+{end}( |$)/", unit_of)
    return panel
