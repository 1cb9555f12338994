"""Panels in one style, whose ids depend on nothing but what they show."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from xenwatch.alerts.base import Alert
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.alerts.names import CRITICAL, SEVERITIES, WARNING
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import queries
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.values import dataclass

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="$datasource")
GREEN, ORANGE, RED, PURPLE, BLUE = "green", "orange", "red", "purple", "blue"
COLORS: Final = {WARNING: ORANGE, CRITICAL: RED}
"""The colours of the severities. Blue is what is neither good nor bad."""
_LAST: Final = common.ReduceDataOptions().calcs(["lastNotNull"])
RUNBOOK: Final = "Runbook"
NOTHING: Final = "Not on this host, or not read: see Probes"

AnyPanel = timeseries.Panel | table.Panel | bargauge.Panel | stat.Panel
P = TypeVar("P", timeseries.Panel, table.Panel, bargauge.Panel, stat.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and how its series are called; `color` is fixed where there is one."""

    expression: str
    legend: str = ""
    color: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a click leads to."""

    title: str
    url: str

    def value(self) -> Mapping[str, str]:
        """The link as a property of a field."""
        return {"title": self.title, "url": self.url}


_DATA: Final = "${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
_KEPT: Final = (
    "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
)


def to_host(instance: str) -> Link:
    """From a host in the pool to its dashboard; `instance` is what Grafana puts there."""
    return Link("This host", f"/d/xenwatch-host?var-instance={instance}&{_DATA}")


def to_domain(uuid: str) -> Link:
    """From a VM on a host to its dashboard."""
    return Link("This VM", f"/d/xenwatch-domains?var-vm={uuid}&{_KEPT}")


def choose(uid: str, variable: str, title: str) -> Link:
    """From a value in a table to the panel of the same dashboard that shows more of it."""
    value = f"var-{variable}=${{__value.raw:percentencode}}"
    return Link(title, f"/d/{uid}?{value}&{_KEPT}")


DAEMON: Final = "http://${"
"""What links to daemons begin with; where they serve TLS another scheme is written."""
STATUS: Final = Link("Status page of the host", f"{DAEMON}instance:raw}}/")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a panel is about: its title, a sentence or two, and where a click leads to.

    `nothing` is shown instead of an empty panel. `runbooks` are those of the alerts that watch it,
    unless they are left out.
    """

    title: str
    text: str
    links: Sequence[Link] = ()
    nothing: str = NOTHING
    runbooks: bool = True


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a panel look.

    `alert` is the one whose thresholds are drawn; `severities` says that some lines are thresholds
    and are called by their severity.
    """

    alert: Alert | None = None
    severities: bool = False
    stacked: bool = False
    overrides: Mapping[str, Sequence[DynamicConfigValue]] = field(default_factory=dict)
    most: float | None = None


PLAIN: Final = Lines()
DASHED: Final = (
    DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
    DynamicConfigValue("custom.fillOpacity", 0),
)
"""How a line looks to which the others are compared."""
LITTLE: Final = 0.1
"""Up to where an axis of parts or seconds goes at least: Grafana's own choice for zeros is 100."""


def identity(key: str) -> int:
    """A panel's id: the same for the same key, wherever the panel stands and whatever is added."""
    return zlib.crc32(key.encode()) >> 1 or 1


def refs() -> Iterator[str]:
    """Names of the queries of a panel: A, B, C."""
    return iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True)
class Style:
    """What every panel of a board has: the board's `uid` and the `policy` that names runbooks."""

    uid: str
    policy: Policy

    def runbook(self, file: str) -> str:
        """The address of a runbook: as configured, else of a daemon that answers."""
        return (self.policy.runbooks or f"{self.policy.scheme}://${{daemon:raw}}{RUNBOOKS}") + file

    def _runbooks(self, subject: Subject, asked: Sequence[Query]) -> Iterator[Link]:
        """The runbooks of the alerts that watch what is asked for."""
        if subject.runbooks:
            queried = frozenset().union(*(queries.names(query.expression) for query in asked))
            for title, file in queries.runbooks(queried):
                yield Link(f"{RUNBOOK}: {title}", self.runbook(file))

    def dress(self, panel: P, subject: Subject, asked: Sequence[Query], instant: bool) -> P:
        """Give a panel its id, title, source, queries and links."""
        links = [
            self.data_link(link).target_blank(link.url.startswith("http"))
            for link in (*subject.links, *self._runbooks(subject, asked))
        ]
        panel.id(identity(f"{self.uid}/{subject.title}")).title(subject.title)
        panel.description(subject.text).datasource(SOURCE).no_value(subject.nothing)
        panel.links(list(links))
        for ref, query in zip(refs(), asked, strict=False):
            target = prometheus.Dataquery().expr(query.expression).ref_id(ref)
            target.legend_format(query.legend)
            if instant:
                target.instant()
            else:
                target.range()
            if isinstance(panel, table.Panel):
                target.format(PromQueryFormat.TABLE)
            panel.with_target(target)
            if query.color:
                panel.override_by_query(ref, [fixed(query.color)])
        return panel

    def series(
        self, subject: Subject, unit: str, asked: Sequence[Query], lines: Lines = PLAIN
    ) -> timeseries.Panel:
        """Lines over time."""
        thresholds = list(_thresholds(lines.alert)) if lines.alert else []
        panel = self.dress(timeseries.Panel(), subject, [*asked, *thresholds], instant=False)
        panel.unit(unit).min(0).span(8).height(8).fill_opacity(10)
        if lines.most is not None:
            panel.max(lines.most)
        elif unit in {"percentunit", "s"}:
            panel.axis_soft_max(LITTLE)
        if lines.stacked:
            panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
        for severity, color in COLORS.items():
            if thresholds or lines.severities:
                panel.override_by_name(severity, [fixed(color), *DASHED])
        for name, properties in lines.overrides.items():
            panel.override_by_name(name, list(properties))
        legend = common.VizLegendOptions().show_legend(True).calcs([])
        legend.placement(common_models.LegendPlacement.BOTTOM)
        legend.display_mode(common_models.LegendDisplayMode.LIST)
        tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
        return panel.legend(legend).tooltip(tooltip.sort(common_models.SortOrder.DESCENDING))

    def bars(self, subject: Subject, unit: str, asked: Sequence[Query]) -> bargauge.Panel:
        """A bar for each series as it is now, in the colour of its query."""
        panel = self.dress(bargauge.Panel(), subject, asked, instant=True)
        panel.reduce_options(_LAST).orientation(common_models.VizOrientation.HORIZONTAL)
        panel.display_mode(common_models.BarGaugeDisplayMode.BASIC).show_unfilled(True)
        panel.value_mode(common_models.BarGaugeValueMode.TEXT)
        panel.text(common.VizTextDisplayOptions().title_size(11).value_size(14))
        panel.thresholds(steps((None, BLUE)))
        return panel.unit(unit).min(0).span(8).height(8)

    def data_link(self, link: Link) -> DashboardLink:
        """A link on the values themselves."""
        made = DashboardLink(link.title).type(models.DashboardLinkType.LINK)
        return made.url(link.url.replace(DAEMON, f"{self.policy.scheme}://${{", 1))

    def number(self, subject: Subject, asked: Sequence[Query]) -> stat.Panel:
        """Numbers or words as they are now."""
        panel = self.dress(stat.Panel(), subject, asked, instant=True)
        panel.reduce_options(_LAST).color_mode(common_models.BigValueColorMode.BACKGROUND)
        panel.graph_mode(common_models.BigValueGraphMode.NONE)
        return panel.unit("short").span(4).height(6)


def _thresholds(alert: Alert) -> Iterator[Query]:
    """The thresholds of an alert as the daemon of the host exports them."""
    for severity in SEVERITIES:
        own = {"alert": alert.title, "severity": severity}
        yield Query(queries.select("xenwatch_alert_threshold", queries.INSTANCE, **own), severity)


def steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Colours from values on, the first from the least."""
    found = [models.Threshold(value=value, color=color) for value, color in pairs]
    return ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def less_is_worse(thresholds: Thresholds, factor: float = 1) -> ThresholdsConfig:
    """Colours where little is left: the thresholds of an alert, each times `factor`."""
    pairs: list[tuple[float | None, str]] = []
    start: float | None = None
    found = ((thresholds.critical, CRITICAL), (thresholds.warning, WARNING))
    for until, severity in found:
        if until is not None:
            pairs.append((start, COLORS[severity]))
            start = until * factor
    return steps(*pairs, (start, GREEN))


def fixed(color: str) -> DynamicConfigValue:
    """The property of a field that has one colour."""
    mode = FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(color).build()
    return DynamicConfigValue(id_val="color", value=mode)


def words(pairs: Iterable[tuple[str, str, str | None]]) -> list[models.ValueMapping]:
    """What is written for values, and in which colour if in one: value, text, colour."""
    results = {
        value: models.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, text, color) in enumerate(pairs)
    }
    return [models.ValueMap(options=results)]


def limit_titles() -> list[models.ValueMapping]:
    """The full names of the limits for their short ones."""
    return words((limit.name, limit.title, None) for limit in LIMITS)
