"""Panels about limits: which are full, what a limit's instances use, and room for VMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import bargauge, table, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from xenwatch.alerts.declared.limit_full_soon import ALERT as FULL_SOON
from xenwatch.alerts.names import CRITICAL, SEVERITIES, WARNING
from xenwatch.alerts.states import Policy
from xenwatch.generate.dashboards.panels import (
    DAEMON,
    GREEN,
    ORANGE,
    RED,
    STATUS,
    Lines,
    Link,
    Query,
    Style,
    Subject,
    choose,
    less_is_worse,
    limit_titles,
    steps,
    to_domain,
)
from xenwatch.generate.dashboards.queries import HOST, INSTANCE, most, select, with_names
from xenwatch.generate.dashboards.tables import Column, Label, Rows, draw
from xenwatch.limits import LIMITS

FEW: Final = 5
"""Below so many VMs left, room is short: it is orange, and red where none is."""
ROOM: Final = steps((None, RED), (1.0, ORANGE), (float(FEW), GREEN))
SPARE: Final = steps((None, RED), (0.0, ORANGE), (float(FEW), GREEN))
"""After the loss of a host: below zero some VMs do not fit."""
RATIO: Final = "xenwatch_limit_used_ratio"
FULL_IN: Final = "xenwatch_limit_seconds_to_full"
LEFT: Final = "xenwatch_vm_headroom"
BY_LIMIT: Final = "xenwatch_limit_vm_headroom"
MORE_FIT: Final = "How many more VMs of each shape fit beside the reserve of each host"
"""What both metrics say."""
OF_LIMITS: Final = tuple(dict.fromkeys(limit.label for limit in LIMITS if limit.label))
"""The labels that name the instances of limits."""
DETAIL: Final = choose("xenwatch-host", "limit", "This limit over time")


def full_names(suffix: str = "") -> Mapping[str, Sequence[DynamicConfigValue]]:
    """The full names of the limits for series that are called by the short ones.

    Also for those whose short name has this suffix, which is kept.
    """
    return {
        limit.name + end: [DynamicConfigValue("displayName", limit.title + end)]
        for limit in LIMITS
        for end in dict.fromkeys(("", suffix))
    }


def max_of(name: str) -> str:
    """The name of the metric of a limit's max."""
    (found,) = (limit.max_metric for limit in LIMITS if limit.name == name)
    return found


def time_left(policy: Policy) -> ThresholdsConfig:
    """Colours of the time until a limit is exhausted: the thresholds of the alert on it."""
    return less_is_worse(policy.thresholds[FULL_SOON.name])


def ratios(labels: str, names: str = ".+") -> str:
    """The used part of each instance of limits, with the limit's name as a label.

    `names` is a regular expression.
    """
    return f"{_figures(labels, names, 'used')} / {_figures(labels, names, 'max')}"


def _figures(labels: str, names: str, what: str) -> str:
    series = f'{{__name__=~"xenwatch_({names})_{what}(_bytes)?",{labels}}}'
    return f'label_replace({series}, "limit", "$1", "__name__", "xenwatch_(.+)_{what}(_bytes)?")'


def of_instance(series: str) -> str:
    """Series of limits of the host with their instance in the label `of`: a VM's name and domid."""
    names = ", ".join(f'"{label}"' for label in ("name", *OF_LIMITS))
    return f'label_join({with_names(series, INSTANCE)}, "of", " ", {names})'


def room(style: Style) -> table.Panel:
    """How many more VMs fit, by shape, and what stops the next one."""
    by = f"{HOST}, shape"
    least = f"max by ({by}, limit) ({select(BY_LIMIT, INSTANCE)})"
    subject = Subject(
        "VMs left",
        f"{MORE_FIT}, and the limit that stops the next one. Unknown: a "
        "counted limit could not be read; at most so many fit by those that could. "
        f"Red: none. Orange: fewer than {FEW}.",
        [Link("Plan on the status page", f"{DAEMON}instance:raw}}/#headroom-heading")],
        "Unknown: no limit could be read, or xenstored or xapi does not answer",
    )
    rows = Rows(
        {
            "shape": Label("Shape", width=110),
            "limit": Label("Stopped by", limit_titles(), DETAIL),
            "instance": Label("Host", hidden=True),
        },
        (
            Column(
                "VMs left",
                f"max by ({by}) ({select(LEFT, INSTANCE)})",
                colors=ROOM,
                unknown="unknown",
                width=90,
            ),
            Column("At most", f"bottomk by (shape) (1, {least})", width=90),
        ),
        sort=(("At most", False),),
        first=("Shape", "VMs left", "Stopped by", "At most"),
    )
    return draw(style, subject, rows)


def next_full(style: Style) -> table.Panel:
    """Which limit is exhausted next, and when."""
    series = f"max by ({HOST}, limit) ({select(FULL_IN, INSTANCE)})"
    subject = Subject(
        "Time until full",
        "When a limit is exhausted if use continues as in the last hours, the next one first. The "
        "colours are the thresholds of the alert XenwatchLimitFullSoon.",
        [STATUS],
        "No limit is filling up",
    )
    rows = Rows(
        {
            "limit": Label("Limit", limit_titles(), DETAIL),
            "instance": Label("Host", hidden=True),
        },
        (full_in(style, f"bottomk(8, {series})", width=130),),
        sort=(("Full in", False),),
    )
    return draw(style, subject, rows)


def full_in(style: Style, seconds: str, width: int) -> Column:
    """The column of how long it takes until a limit is exhausted."""
    return Column(
        "Full in", seconds, unit="s", decimals=1, colors=time_left(style.policy), width=width
    )


def split(series: str, labels: str) -> Sequence[Query]:
    """Used parts by limit in the colour of the threshold they have reached, the worst first."""
    on = f"on ({HOST}, limit)"
    reached = {
        severity: f"({series}) >= {on} group_left () "
        + select("xenwatch_limit_threshold_ratio", labels, severity=severity)
        for severity in SEVERITIES
    }
    critical, warning = reached[CRITICAL], reached[WARNING]
    found = (
        (critical, RED),
        (f"{warning} unless ({critical})", ORANGE),
        (f"({series}) unless ({warning}) unless ({critical})", GREEN),
    )
    return [Query(f"sort_desc({text})", color=color) for text, color in found]


def ranked(style: Style) -> bargauge.Panel:
    """All limits of the host, the fullest first, in the colours of their thresholds."""
    subject = Subject(
        "Limits, the fullest first",
        "The used part of each limit, of its fullest instance. Green: below its thresholds. "
        "Orange, red: at or above its warning or critical threshold, those first. The thresholds "
        "are each limit's own, as the daemon exports them.",
        [STATUS],
    )
    series = f"max by ({HOST}, limit) ({select(RATIO, INSTANCE)})"
    asked = [Query(q.expression, "{{limit}}", q.color) for q in split(series, INSTANCE)]
    panel = style.bars(subject, "percentunit", asked).max(1).decimals(1)
    for name, properties in full_names().items():
        panel.override_by_name(name, list(properties))
    url = DETAIL.url.replace("__value.raw", "__field.labels.limit")
    return panel.data_links([style.data_link(Link(DETAIL.title, url))])


def over_time(style: Style) -> timeseries.Panel:
    """The fullest limits over time."""
    series = most(6, f"max by ({HOST}, limit) ({select(RATIO, INSTANCE)})", ["limit"])
    subject = Subject(
        "Fullest limits over time",
        "The used part of the six limits that are fullest now.",
        [STATUS],
    )
    lines = Lines(overrides=full_names(), most=1)
    return style.series(subject, "percentunit", [Query(series, "{{limit}}")], lines)


def room_over_time(style: Style) -> timeseries.Panel:
    """VMs left by shape over time."""
    series = f"max by (shape) ({select(LEFT, INSTANCE)})"
    subject = Subject(
        "VMs left over time",
        f"{MORE_FIT}; a gap where a counted limit could not be "
        "read, or xenstored or xapi did not answer.",
        [STATUS],
        "Unknown: a counted limit could not be read, or xenstored or xapi does not answer",
    )
    return style.series(subject, "short", [Query(series, "{{shape}}")])


def detail(style: Style) -> timeseries.Panel:
    """The limit that was chosen over time, with its thresholds."""
    of = " ".join(f"{{{{{label}}}}}" for label in ("name", *OF_LIMITS))
    series = with_names(ratios(INSTANCE, "$limit"), INSTANCE)
    asked = [Query(most(10, series, [HOST, *OF_LIMITS]), f"used {of}")]
    for severity in SEVERITIES:
        found = {"limit": "$limit", "severity": severity}
        threshold = select("xenwatch_limit_threshold_ratio", INSTANCE, **found)
        asked.append(Query(threshold, severity))
    subject = Subject(
        "The chosen limit over time",
        "The used part of the ten fullest instances of the limit chosen above, with its "
        "thresholds. A click on a limit in another panel chooses it.",
        [STATUS],
    )
    return style.series(subject, "percentunit", asked, Lines(severities=True))


def instances(style: Style) -> table.Panel:
    """Used and max of the fullest instances of the limit that was chosen."""
    by = f"{HOST}, limit, of"

    def figure(what: str, end: str) -> str:
        series = f'{{__name__="xenwatch_${{limit}}_{what}{end}",{INSTANCE}}}'
        fullest = f"topk(10, max by ({by}) ({of_instance(ratios(INSTANCE, '$limit'))}))"
        named = f'label_replace({series}, "limit", "$limit", "", "")'
        return f"max by ({by}) ({of_instance(named)}) and on ({by}) {fullest}"

    origin = select("xenwatch_limit_ceiling_info", INSTANCE, limit="$limit")
    subject = Subject(
        "The chosen limit now",
        "Used and max of the ten fullest instances of the limit chosen above, and where its max "
        "comes from: one row for each origin.",
        [STATUS],
    )
    rows = Rows(
        {
            "limit": Label("Limit", limit_titles(), width=340),
            "of": Label("Of", width=320),
            "origin": Label("Max from"),
            "instance": Label("Host", hidden=True),
        },
        (
            Column("Used", figure("used", ""), width=100),
            Column("Max", figure("max", ""), width=100),
            Column("Bytes used", figure("used", "_bytes"), unit="bytes", width=100),
            Column("Bytes max", figure("max", "_bytes"), unit="bytes", width=100),
            Column("Origin", f"max by ({HOST}, limit, origin) ({origin})", hidden=True),
        ),
        sort=(("Used", True), ("Bytes used", True)),
        first=("Limit", "Of", "Used", "Bytes used", "Max", "Bytes max", "Max from"),
    )
    return draw(style, subject, rows)


def of_domains(style: Style) -> table.Panel:
    """The fullest limits that each VM has of its own."""
    series = with_names(ratios(f'{INSTANCE},domid!=""'), INSTANCE)
    fullest = f"topk(15, max by ({HOST}, limit, domid, name, uuid) ({series}))"
    subject = Subject(
        "VMs nearest to a limit of their own",
        "Limits that each VM has of its own, such as grant frames or xenstore nodes: the fullest "
        "fifteen. A click on a VM leads to its dashboard.",
        [STATUS],
    )
    rows = Rows(
        {
            "name": Label("VM", link=to_domain("${__data.fields.uuid}")),
            "domid": Label("domid", width=70),
            "limit": Label("Limit", limit_titles()),
            "uuid": Label("uuid", hidden=True),
            "instance": Label("Host", hidden=True),
        },
        (Column("Used", fullest, unit="percentunit", decimals=1, bar=True, width=160),),
        sort=(("Used", True),),
    )
    return draw(style, subject, rows)
