"""The dashboard of many hosts: which are not OK, room for VMs, what binds, what fills up next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards import limits, room
from xenwatch.generate.dashboards.board import all_of, board, hosts, variable
from xenwatch.generate.dashboards.panels import (
    COLORS,
    GREEN,
    RED,
    AnyPanel,
    Lines,
    Query,
    Style,
    Subject,
    fixed,
    limit_titles,
    steps,
    words,
)
from xenwatch.generate.dashboards.queries import HOST, INSTANCES, narrow, select
from xenwatch.generate.dashboards.room import HOSTS, NOBODY, ONE
from xenwatch.generate.dashboards.states import (
    FIRING,
    MEANING,
    OK,
    STATES,
    active,
    firing,
    host_state,
    runbook_of_the_row,
    severity_words,
    state_words,
)
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw

UID: Final = "xenwatch-pool"
MOST: Final = 50
"""Hosts in the list, the worst."""
_MARKS: Final = (("1", "SYNTHETIC", RED), ("2", "CAPTURE", RED))
"""What is said of a host that is not a live one: the value it has, the word, the colour."""
ANYWHERE: Final = 'job=~"$job",instance=~"$instance|"'
"""The chosen hosts, and what is of no host, as an alert about the pool."""


def _counts() -> Iterator[Query]:
    """How many hosts are in each state, also where none is."""
    found = host_state(INSTANCES)
    for each in STATES:
        yield Query(f"count(({found}) == {each.value}) or on () vector(0)", each.text)


def _overview(style: Style) -> stat.Panel:
    subject = Subject("Hosts by state", MEANING, [HOSTS], NOBODY, runbooks=False)
    panel = style.number(subject, list(_counts()))
    for each in STATES:
        colors = steps((None, "transparent"), (1.0, each.color)).build()
        panel.override_by_name(each.text, [DynamicConfigValue("thresholds", colors)])
    return panel.text_mode(common_models.BigValueTextMode.VALUE_AND_NAME).span(24).height(4)


def _why() -> str:
    """The worst alert of each host."""
    critical, warning = (
        firing(narrow(INSTANCES, severity=severity)) for severity in (CRITICAL, WARNING)
    )
    return f"topk by ({HOST}) (1, 2 * {critical} or {warning})"


def _marked() -> str:
    """The hosts that are not live ones, by the number of their mark."""
    return " or ".join(
        f"0 * max by ({HOST}) ({select('xenwatch_source_info', found)}) + {number}"
        for number, text, _ in _MARKS
        for found in (f'{INSTANCES},mark=~"{text}.*"',)
    )


def _columns(style: Style) -> Iterator[Column]:
    """What the list of hosts says of each of the first ones."""
    on = f"on ({HOST})"
    found = host_state(INSTANCES)
    left = f"min by ({HOST}) ({select(limits.LEFT, INSTANCES)})"
    # Between hosts in the same state the room decides; each column asks for it, so it is cheap.
    score = f"({found}) + {on} (1 / (2 + {left}) or {on} 0 * ({found}))"
    ratio = f"max by ({HOST}, limit) ({select(limits.RATIO, INSTANCES)})"
    critical = select("xenwatch_limit_threshold_ratio", INSTANCES, severity=CRITICAL)
    reached = f"{ratio} / on ({HOST}, limit) group_left () {critical}"
    nearest = f"{ratio} and on ({HOST}, limit) topk by ({HOST}) (1, {reached})"
    seen = select("xenwatch_snapshot_timestamp_seconds", INSTANCES)

    def column(title: str, expression: str, **how: Any) -> Column:
        return Column(title, f"({expression}) and {on} topk({MOST}, {score})", **how)

    yield column("State", found, words=state_words(), width=90)
    yield column("Source", _marked(), words=words(_MARKS), width=100)
    yield column("Worst", _why(), hidden=True)
    yield column("Score", score, hidden=True)
    yield column("Alerts", f"count by ({HOST}) ({firing(INSTANCES)})", width=70)
    yield column("Used", nearest, unit="percentunit", decimals=1, width=80)
    yield column("VMs left", left, colors=limits.ROOM, width=80)
    yield column(
        "Full in",
        f"min by ({HOST}) ({select(limits.FULL_IN, INSTANCES)})",
        unit="s",
        decimals=1,
        colors=limits.time_left(style.policy),
        width=110,
    )
    yield column(
        "Last read",
        f"time() - max by ({HOST}) (last_over_time({seen}[$__range]))",
        unit="s",
        decimals=0,
        width=90,
    )


def _worst(style: Style) -> table.Panel:
    """The hosts, those that are not OK first."""
    subject = Subject(
        "Hosts, the worst first",
        f"{MEANING} The first {MOST}, those in the same state by the VMs left of the shape with "
        "least room, each with the worst alert that fires and the limit that is nearest to its "
        "critical threshold. Source is empty for a live host, and for one that is down.",
        [HOSTS],
        NOBODY,
        runbooks=False,
    )
    rows = Rows(
        {
            "instance": Label("Host", link=ONE),
            "alertname": Label("Worst alert", link=runbook_of_the_row(style), width=260),
            "limit": Label("Nearest limit", limit_titles(), width=260),
            "severity": Label("Severity", hidden=True),
        },
        tuple(_columns(style)),
        sort=(("Score", True), ("Host", False)),
        first=(
            "State",
            "Source",
            "Host",
            "Worst alert",
            "Alerts",
            "Nearest limit",
            "Used",
            "VMs left",
            "Full in",
            "Last read",
        ),
    )
    return draw(style, subject, rows)


def _limits(style: Style) -> table.Panel:
    """Each limit on the host where it is fullest, and how many hosts are near it."""
    series = f"max by ({HOST}, limit) ({select(limits.RATIO, INSTANCES)})"
    on = f"on ({HOST}, limit) group_left ()"

    def near(severity: str) -> str:
        reached = select("xenwatch_limit_threshold_ratio", INSTANCES, severity=severity)
        return f"count by (limit) ({series} >= {on} {reached}) or 0 * count by (limit) ({series})"

    subject = Subject(
        "Limits",
        "Each limit with the host on which most of it is used, and on how many hosts it is at or "
        "above its critical and its warning threshold (those at critical included).",
        [HOSTS],
        NOBODY,
        runbooks=False,
    )
    rows = Rows(
        {
            "limit": Label("Limit", limit_titles()),
            "instance": Label("Fullest on", link=ONE, width=220),
        },
        (
            *(
                Column(
                    severity.capitalize(),
                    near(severity),
                    width=80,
                    decimals=0,
                    colors=steps((None, GREEN), (1.0, COLORS[severity])),
                )
                for severity in (CRITICAL, WARNING)
            ),
            Column(
                "Used",
                f"topk by (limit) (1, {series})",
                unit="percentunit",
                decimals=1,
                bar=True,
                width=120,
            ),
        ),
        sort=(("Critical", True), ("Warning", True), ("Used", True)),
        first=("Limit", "Critical", "Warning", "Used", "Fullest on"),
    )
    return draw(style, subject, rows)


def _alerts(style: Style) -> table.Panel:
    """What fires, by the number of hosts."""
    of_hosts = f"max by ({HOST}, alertname, severity) ({active(ANYWHERE, FIRING)})"
    count = f"topk(30, count by (alertname, severity) ({of_hosts}))"
    subject = Subject(
        "Firing alerts",
        "Alerts by the number of hosts on which they fire, without warnings about what is "
        "critical. A click on an alert opens its runbook.",
        [HOSTS],
        "No alert fires",
        runbooks=False,
    )
    rows = Rows(
        {
            "severity": Label("Severity", severity_words(), colored=True, width=100),
            "alertname": Label("Alert", link=runbook_of_the_row(style)),
        },
        (Column("Hosts", count, width=80),),
        sort=(("Severity", False), ("Hosts", True)),
        first=("Severity", "Alert", "Hosts"),
    )
    return draw(style, subject, rows)


def _over_time(style: Style) -> Iterator[AnyPanel]:
    states = [query for query, each in zip(_counts(), STATES, strict=True) if each is not OK]
    colors = {each.text: [fixed(each.color)] for each in STATES if each is not OK}
    yield style.series(
        Subject("Hosts that are not OK", MEANING, [HOSTS], NOBODY, runbooks=False),
        "short",
        states,
        Lines(overrides=colors, stacked=True),
    )
    left = f"max by ({HOST}, shape) ({select(limits.LEFT, INSTANCES)})"
    yield style.series(
        Subject(
            "Room for VMs over time",
            f"{limits.MORE_FIT}, on all hosts whose room is known.",
            [HOSTS],
            NOBODY,
        ),
        "short",
        [Query(f"sum by (shape) ({left})", "{{shape}}")],
    )


def _versions(style: Style) -> table.Panel:
    """Which platforms and versions there are."""
    by = "platform, platform_version, xen, version"
    info = f"max by ({HOST}, version) ({select('xenwatch_build_info', INSTANCES)})"
    host = f"{select('xenwatch_host_info', INSTANCES)} * on ({HOST}) group_left (version) {info}"
    subject = Subject(
        "Platforms and versions",
        "Platforms, versions of Xen and of xenwatch by the number of hosts.",
        [HOSTS],
        NOBODY,
    )
    rows = Rows(
        {
            "platform": Label("Platform"),
            "platform_version": Label("Version"),
            "xen": Label("Xen"),
            "version": Label("xenwatch"),
        },
        (Column("Hosts", f"topk(20, count by ({by}) ({host}))", width=80),),
        sort=(("Hosts", True),),
    )
    return draw(style, subject, rows)


def pool_dashboard(policy: Policy) -> Dashboard:
    """All hosts side by side."""
    style = Style(UID, policy)
    return board(
        UID,
        "xenwatch: pool",
        "Which hosts are not OK, how many more VMs fit, what stops the next one, what is next.",
        [all_of(variable("instance", "Hosts", hosts())).all_value(".+")],
        [
            ("Hosts", [_overview(style), _worst(style).span(24).height(14)]),
            (
                "Room for VMs",
                [
                    room.left(style).span(10).height(7),
                    room.binding(style).span(14).height(7),
                    room.least(style).span(12).height(9),
                    room.next_full(style).span(12).height(9),
                ],
            ),
            (
                "Limits and alerts",
                [
                    _limits(style).span(15).height(12),
                    _alerts(style).span(9).height(12),
                ],
            ),
            ("Over time", [panel.span(12) for panel in _over_time(style)]),
            ("Versions", [_versions(style).span(24).height(6)]),
        ],
        policy=policy,
        alerts=f"count by (alertname, severity) ({firing(ANYWHERE)})",
    )
