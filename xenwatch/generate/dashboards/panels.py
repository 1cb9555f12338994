"""Panels and boards in one style, whose ids depend on nothing but what they show."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    FieldColor,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import queries
from xenwatch.metrics import Metric

TAG: Final = "xenwatch"
SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="$datasource")
GREEN, ORANGE, RED = "green", "orange", "red"
COLORS: Final = {WARNING: ORANGE, CRITICAL: RED}
"""The colours of the severities."""
ANY: Final = "daemon"
"""The variable that is any one daemon of a pool."""
_LAST: Final = common.ReduceDataOptions().calcs(["lastNotNull"])
WIDTH: Final = 24
"""Columns of Grafana's grid."""

AnyPanel = timeseries.Panel | table.Panel | bargauge.Panel | stat.Panel
P = TypeVar("P", timeseries.Panel, table.Panel, bargauge.Panel, stat.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and how its series are called; `ref` is unique within the panel."""

    expression: str
    legend: str = ""
    ref: str = "A"


def identity(key: str) -> int:
    """A panel's id: the same for the same key, wherever the panel stands and whatever is added."""
    return zlib.crc32(key.encode()) >> 1 or 1


@dataclass(frozen=True, slots=True)
class Style:
    """What every panel of a board has: the board's `uid` and the `policy` that names runbooks.

    `pool` says that it shows several hosts, which its tables must tell apart.
    """

    uid: str
    policy: Policy
    pool: bool = False

    def _runbooks(self) -> str:
        """What links to runbooks begin with: as configured, else the address of a daemon."""
        daemon = ANY if self.pool else "instance"
        return self.policy.runbooks or f"http://${{{daemon}:raw}}{RUNBOOKS}"

    def _dress(self, panel: P, key: str, text: str, asked: Sequence[Query], instant: bool) -> P:
        """Give a panel its id, source, queries and links."""
        queried = frozenset().union(*(queries.names(query.expression) for query in asked))
        links = [
            DashboardLink(f"Runbook: {title}")
            .type(models.DashboardLinkType.LINK)
            .url(self._runbooks() + file)
            .target_blank(True)
            for title, file in queries.runbooks(queried)
        ]
        panel.id(identity(f"{self.uid}/{key}")).description(text).datasource(SOURCE).links(
            list(links)
        )
        for query in asked:
            target = prometheus.Dataquery().expr(query.expression).ref_id(query.ref)
            target.legend_format(query.legend or "__auto")
            if instant:
                target.instant()
            else:
                target.range()
            if isinstance(panel, table.Panel):
                target.format(PromQueryFormat.TABLE)
            panel.with_target(target)
        return panel

    def series(
        self, key: str, title: str, text: str, unit: str, asked: Sequence[Query]
    ) -> timeseries.Panel:
        """Lines over time."""
        panel = self._dress(timeseries.Panel(), key, text, asked, instant=False)
        panel.title(title).unit(unit).min(0).span(8).height(8)
        legend = (
            common.VizLegendOptions()
            .show_legend(True)
            .placement(common_models.LegendPlacement.BOTTOM)
        )
        legend.display_mode(common_models.LegendDisplayMode.LIST).calcs([])
        return panel.legend(legend)

    def of_metric(self, metric: Metric, asked: Query, key: str = "") -> timeseries.Panel:
        """Lines over time of one metric, in its own words."""
        text = f"{metric.help} Source: {metric.source}."
        title = queries.title(metric.name)
        return self.series(key or metric.name, title, text, queries.unit(metric), [asked])

    def of_record(self, name: str, text: str, labels: str) -> timeseries.Panel:
        """Lines over time of what a rule records; `text` is the rule's expression."""
        legend = queries.legend(label for label in queries.labels_of(text) if label != "job")
        asked = Query(f"{name}{{{labels}}}" if labels else name, legend)
        return self.series(name, queries.title(name), text, queries.record_unit(name), [asked])

    def bars(self, key: str, title: str, text: str, unit: str, asked: Query) -> bargauge.Panel:
        """A bar for each series as it is now."""
        panel = self._dress(bargauge.Panel(), key, text, [asked], instant=True)
        panel.reduce_options(_LAST).orientation(common_models.VizOrientation.HORIZONTAL)
        return panel.title(title).unit(unit).min(0).span(8).height(8)

    def number(self, key: str, title: str, text: str, asked: Query) -> stat.Panel:
        """Numbers as they are now, red from one on."""
        panel = self._dress(stat.Panel(), key, text, [asked], instant=True)
        panel.reduce_options(_LAST).thresholds(steps((None, GREEN), (1.0, RED)))
        return panel.title(title).unit("short").span(8).height(8)

    def table(
        self, key: str, title: str, text: str, asked: Sequence[Query], hide: Iterable[str] = ()
    ) -> table.Panel:
        """A row for each set of labels, a column for each query, called by its legend."""
        panel = self._dress(table.Panel(), key, text, asked, instant=True)
        hosts = () if self.pool else ("instance",)
        hidden = dict.fromkeys(("Time", "job", *hosts, "__name__", *hide), True)
        columns = {column(query, asked): query.legend or "Value" for query in asked}
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        panel.with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={"excludeByName": hidden, "indexByName": {}, "renameByName": columns},
            )
        )
        return panel.title(title).show_header(True).span(WIDTH).height(10)


def column(query: Query, asked: Sequence[Query]) -> str:
    """What Grafana calls the values of a query in a table."""
    return f"Value #{query.ref}" if len(asked) > 1 else "Value"


def steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Colours from values on, the first from the least."""
    found = [models.Threshold(value=value, color=color) for value, color in pairs]
    return ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def fixed(color: str) -> models.DynamicConfigValue:
    """The property of a field that has one colour."""
    mode = FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(color).build()
    return models.DynamicConfigValue(id_val="color", value=mode)


def row(board: str, title: str) -> Row:
    """A row's title."""
    return Row(title).id(identity(f"{board}/row/{title}"))


def variable(name: str, label: str, query: str, many: bool) -> QueryVariable:
    """A variable whose values are those of a label; of `many`, several or all can be chosen."""
    made = QueryVariable(name).label(label).datasource(SOURCE).query(query)
    made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    made.sort(models.VariableSort.NUMERICAL_ASC)
    return made.multi(many).include_all(many)


def board(
    uid: str,
    title: str,
    text: str,
    variables: Iterable[QueryVariable],
    rows: Iterable[tuple[str, Sequence[AnyPanel]]],
) -> Dashboard:
    """A dashboard of rows of panels."""
    made = Dashboard(title).uid(uid).description(text).tags([TAG]).readonly()
    made.time("now-6h", "now").refresh("30s").timezone("browser")
    link = DashboardLink("xenwatch").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(link.as_dropdown(False).include_vars(True).keep_time(True))
    made.with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for each in variables:
        made.with_variable(each)
    top = 0
    for name, found in rows:
        if found:
            made.with_row(row(uid, name).grid_pos(models.GridPos(x=0, y=top, w=WIDTH, h=1)))
            top = _place(made, found, top + 1)
    return made


def _place(made: Dashboard, panels: Iterable[AnyPanel], top: int) -> int:
    """Put panels from left to right below `top`. Returns where they end."""
    left, bottom = 0, top
    for panel in panels:
        builder: Builder[models.Panel] = panel
        size = builder.build().grid_pos or models.GridPos()
        if left + size.w > WIDTH:
            left, top = 0, bottom
        panel.grid_pos(models.GridPos(x=left, y=top, w=size.w, h=size.h))
        made.with_panel(builder)
        left, bottom = left + size.w, max(bottom, top + size.h)
    return bottom
