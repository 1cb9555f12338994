"""The part of the page that shows the limits, the most urgent first, those that are ok small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.alerts.wording import MINUTE, duration, time_left
from xenwatch.display.quantities import figure
from xenwatch.display.text import counted
from xenwatch.limits import LIMITS
from xenwatch.limits.states import LimitInstance, Severity
from xenwatch.page import vms
from xenwatch.page.alerts import remedy
from xenwatch.page.charts import amounts, bar, last_hour, percent, small_bar
from xenwatch.page.html import Html, join, tag
from xenwatch.page.vms import Vms
from xenwatch.planning.trend import Point
from xenwatch.status.host_status import HostStatus, LimitRow
from xenwatch.status.order import fullest

_BY_NAME: Final = {limit.name: limit for limit in LIMITS}


def section(
    status: HostStatus, series: Mapping[LimitInstance, Sequence[Point]], now: float
) -> Html:
    """The limits; `series` is their use over time by limit and instance until the instant `now`.

    One that has reached a threshold, or will be full, is a card; the others are a line each that
    unfolds, and those that are unknown are folded together.
    """
    known = vms.of(status)
    cards, lines, unknown = [], [], []
    for rows, others in fullest(status.limits):
        seconds = status.seconds_to_full.get(rows[0].limit)
        body = [
            *(
                _instance(row, known, now, series.get((row.limit, row.instance), ()))
                for row in rows
            ),
            *([tag("p", f"and {others} more, less full", class_="muted")] if others else []),
        ]
        if rows[0].state == Severity.UNKNOWN.value:
            unknown.append(_line(rows, body))
        elif rows[0].state == Severity.OK.value and seconds is None:
            lines.append(_line(rows, body))
        else:
            ends = status.full_between.get(rows[0].limit)
            cards.append(_card(rows, body, _soon(seconds, ends)))
    folded = tag(
        "details",
        tag("summary", f"{counted(len(unknown), 'limit')} unknown", class_="unknown"),
        tag("div", unknown, class_="lines"),
        id="limits-unknown",
    )
    return tag(
        "section",
        tag("h2", "Limits", id="limits-heading"),
        tag("ul", cards, class_="cards") if cards else None,
        tag("div", lines, class_="lines") if lines else None,
        folded if unknown else None,
        None if status.limits else tag("p", "No limits read yet."),
        id="limits",
        aria_labelledby="limits-heading",
        data_live=True,
    )


def _soon(seconds: float | None, ends: Sequence[float] | None) -> str | None:
    """When the limit will be exhausted, as a sentence; `ends` are the soonest and the latest."""
    if seconds is None:
        return None
    if seconds < MINUTE:
        return f"At the current rate exhausted {time_left(seconds)}."
    between = f" ({_about(ends[0])} to {_about(ends[1])})" if ends else ""
    return f"At the current rate exhausted in about {_about(seconds)}{between}."


def _about(seconds: float) -> str:
    return " ".join(duration(seconds).split()[:2])


def _card(rows: Sequence[LimitRow], body: Sequence[Html], soon: str | None) -> Html:
    first = rows[0]
    return tag(
        "li",
        tag(
            "div",
            tag("h3", first.title),
            tag("span", first.state, class_=f"badge {first.state}"),
            class_="head",
        ),
        body,
        tag("p", soon, class_="soon") if soon else None,
        tag(
            "details",
            tag("summary", "Details", tag("span", f" of {first.title}", class_="spoken")),
            _facts(rows),
            id=f"limit-{first.limit}",
        ),
        class_=f"card {first.state}",
    )


def _line(rows: Sequence[LimitRow], body: Sequence[Html]) -> Html:
    first = rows[0]
    return tag(
        "details",
        tag(
            "summary",
            tag("span", first.title, class_="name"),
            small_bar(first),
            tag("span", percent(first.ratio) or "unknown", class_="ratio"),
        ),
        body,
        _facts(rows),
        id=f"limit-{first.limit}",
        class_=f"line {first.state}",
    )


def _instance(row: LimitRow, known: Vms, now: float, points: Sequence[Point]) -> Html:
    name = f"{row.title}, {row.label} {row.instance}" if row.instance else row.title
    named = known.instance(row)
    instance = join(named, ": ") if named else None
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


def _facts(rows: Sequence[LimitRow]) -> Html:
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
        ("Remedy", remedy(row) if row.remedies else None),
        ("Caveat", limit.caveat if limit and limit.caveat else None),
        ("Metric", limit.used_metric if limit else None),
    ]
    return tag("dl", [join(tag("dt", name), tag("dd", text)) for name, text in facts if text])


def _thresholds(row: LimitRow) -> str:
    if row.warning is None and row.critical is None:
        return "never"
    parts = (("warning", row.warning), ("critical", row.critical))
    return ", ".join(f"{name} at {at:.0%}" for name, at in parts if at is not None)
