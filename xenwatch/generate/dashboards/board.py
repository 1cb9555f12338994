"""A board: variables, annotations, and rows of panels from left to right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards.panels import RED, SOURCE, AnyPanel, identity
from xenwatch.generate.dashboards.queries import JOB, named

TAG: Final = "xenwatch"
WIDTH: Final = 24
"""Columns of Grafana's grid."""
ANNOTATION: Final = "Alerts"


def hosts() -> str:
    """The query for the hosts that are known in the time shown, also those that are away now."""
    return f"label_values({named('xenwatch_build_info').name}{{{JOB}}}, instance)"


def variable(name: str, label: str, query: str) -> QueryVariable:
    """A variable with one value, of those a query finds, sorted."""
    made = QueryVariable(name).label(label).datasource(SOURCE).query(query)
    made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return made.sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)


def all_of(made: QueryVariable) -> QueryVariable:
    """A variable of which several or all values can be chosen, at first all."""
    chosen = models.VariableOption(selected=True, text="All", value="$__all")
    return made.multi(True).include_all(True).current(chosen)


def ranked(made: QueryVariable, expression: str, regex: str) -> QueryVariable:
    """A variable whose values are in the order of a query, from its series as Grafana writes them.

    `regex` finds the value, or what is shown and the value as the groups `text` and `value`.
    """
    made.query(f"query_result({expression})").regex(regex)
    return made.sort(models.VariableSort.DISABLED)


def daemon() -> QueryVariable:
    """Hidden: a daemon that answers, this host's if it does, for its runbooks."""
    up = 'up{job=~"$job"} == 1'
    own = 'up{job=~"$job",instance=~"$instance"} == 1'
    made = ranked(
        variable("daemon", "Runbooks from", ""),
        f"topk(1, {own}) or on () topk(1, {up})",
        '/instance="([^"]+)"/',
    )
    return made.hide(models.VariableHide.HIDE_VARIABLE)


def board(
    uid: str,
    title: str,
    text: str,
    variables: Iterable[QueryVariable],
    rows: Iterable[tuple[str, Sequence[AnyPanel]]],
    *,
    policy: Policy,
    alerts: str,
) -> Dashboard:
    """A dashboard of rows of panels; `alerts` finds what is firing, to be drawn over time."""
    made = Dashboard(title).uid(uid).description(text).tags([TAG]).readonly()
    made.time("now-6h", "now").refresh("1m").timezone("browser")
    link = DashboardLink("xenwatch").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(link.as_dropdown(False).include_vars(True).keep_time(True))
    made.with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    job = f"label_values({named('xenwatch_build_info').name}, job)"
    made.with_variable(variable("job", "Job", job).multi(True))
    for each in variables:
        made.with_variable(each)
    if not policy.runbooks:
        made.with_variable(daemon())
    drawn = AnnotationQuery().name(ANNOTATION).datasource(SOURCE).enable(True).hide(False)
    made.annotation(drawn.icon_color(RED).expr(alerts))
    top = 0
    for name, found in rows:
        made.with_row(
            Row(name)
            .id(identity(f"{uid}/row/{name}"))
            .grid_pos(models.GridPos(x=0, y=top, w=WIDTH, h=1))
        )
        top = _place(made, found, top + 1)
    return made


def _place(made: Dashboard, panels: Iterable[AnyPanel], top: int) -> int:
    """Put each panel as high as it fits below `top`, then as far left. Returns where they end."""
    free = [top] * WIDTH
    for panel in panels:
        builder: Builder[models.Panel] = panel
        size = builder.build().grid_pos or models.GridPos()
        heights = [max(free[x : x + size.w]) for x in range(WIDTH - size.w + 1)]
        y = min(heights)
        x = heights.index(y)
        free[x : x + size.w] = [y + size.h] * size.w
        panel.grid_pos(models.GridPos(x=x, y=y, w=size.w, h=size.h))
        made.with_panel(builder)
    return max(free)
