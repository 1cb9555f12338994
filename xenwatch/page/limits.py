"""The part of the page that shows the limits, the most urgent first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.alerts.wording import duration
from xenwatch.display.quantities import figure
from xenwatch.limits import LIMITS
from xenwatch.limits.states import LimitInstance
from xenwatch.page.charts import amounts, bar, last_hour, percent
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.planning.trend import Point
from xenwatch.status.host_status import HostStatus, LimitRow
from xenwatch.status.order import fullest

_BY_NAME: Final = {limit.name: limit for limit in LIMITS}


def section(
    status: HostStatus, series: Mapping[LimitInstance, Sequence[Point]], now: float
) -> Html:
    """The limits; `series` is their use over time by limit and instance until the instant `now`."""
    cards = [_card(status, rows, others, series, now) for rows, others in fullest(status.limits)]
    empty = tag("p", "No limits read yet.")
    return tag(
        "section",
        tag("h2", "Limits", id="limits-heading"),
        tag("ul", cards, class_="cards") if cards else empty,
        id="limits",
        aria_labelledby="limits-heading",
        data_live=True,
    )


def _card(
    status: HostStatus,
    rows: Sequence[LimitRow],
    others: int,
    series: Mapping[LimitInstance, Sequence[Point]],
    now: float,
) -> Html:
    first = rows[0]
    seconds = status.seconds_to_full.get(first.limit)
    soon = (
        f"At the current rate exhausted in about {' '.join(duration(seconds).split()[:2])}."
        if seconds is not None
        else None
    )
    return tag(
        "li",
        tag(
            "div",
            tag("h3", first.title),
            tag("span", first.state, class_=f"badge {first.state}"),
            class_="head",
        ),
        [_instance(row, now, series.get((row.limit, row.instance), ())) for row in rows],
        tag("p", f"and {others} more, less full", class_="muted") if others else None,
        tag("p", soon, class_="soon") if soon else None,
        _details(rows),
        class_=f"card {first.state}",
    )


def _instance(row: LimitRow, now: float, points: Sequence[Point]) -> Html:
    name = f"{row.title}, {row.label} {row.instance}" if row.instance else row.title
    instance = join(f"{row.label} ", untrusted(row.instance), ": ") if row.instance else None
    chart = last_hour(points, now, row)
    return tag(
        "div",
        tag(
            "p",
            tag("span", instance, amounts(row)),
            tag("span", percent(row.ratio), class_="ratio"),
            class_="amounts",
        ),
        bar(row, name),
        tag("div", chart, class_="hour") if chart else None,
        class_="instance",
    )


def _details(rows: Sequence[LimitRow]) -> Html:
    """What the limit is, where its max comes from, and the symptom when it is exhausted."""
    row = rows[0]
    limit = _BY_NAME.get(row.limit)
    origins = dict.fromkeys(each.max_origin for each in rows if each.max_origin)
    headroom = None if row.headroom is None else figure(row.headroom, row.unit)
    facts = [
        ("Headroom", headroom),
        ("Max from", "; ".join(origins) or "unknown"),
        ("Thresholds", _thresholds(row)),
        ("Symptom when exhausted", limit.symptom if limit else None),
        ("Caveat", limit.caveat if limit and limit.caveat else None),
        ("Metric", limit.used_metric if limit else None),
    ]
    return tag(
        "details",
        tag("summary", "Details", tag("span", f" of {row.title}", class_="spoken")),
        tag("dl", [join(tag("dt", name), tag("dd", text)) for name, text in facts if text]),
        id=f"limit-{row.limit}",
    )


def _thresholds(row: LimitRow) -> str:
    if row.warning is None and row.critical is None:
        return "never"
    parts = (("warning", row.warning), ("critical", row.critical))
    return ", ".join(f"{name} at {at:.0%}" for name, at in parts if at is not None)
