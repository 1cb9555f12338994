"""Bars and small charts as SVG, with a text alternative for screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from xenwatch.display.quantities import figure
from xenwatch.page.html import Html, join, tag
from xenwatch.planning.trend import SPACING, Point
from xenwatch.status.host_status import LimitRow

HOUR: Final = 3600.0
GAP: Final = 3 * SPACING
"""Seconds between two points above which the line is interrupted: no reading succeeded."""
WIDTH: Final = 120
HEIGHT: Final = 24
MIN_RANGE: Final = 0.01
"""Minimum height of a chart as a fraction of the max, so that noise looks small."""


def amounts(row: LimitRow) -> str:
    """Used and max in words, and which of them is unknown."""
    used, maximum = figure(row.used, row.unit), figure(row.max, row.unit)
    if row.used is None:
        return "could not be read"
    if row.max is None:
        return f"{used} used, max unknown"
    return f"{used} of {maximum} used"


def percent(ratio: float | None) -> str:
    """A ratio in percent, empty where there is none."""
    return "" if ratio is None else f"{ratio * 100:.1f} %"


def bar(row: LimitRow, name: str) -> Html:
    """The used part of a limit, marks at its thresholds; `name` is read out.

    An unknown ratio is a hatched bar labelled unknown, never an empty one.
    """
    if row.ratio is None:
        return tag("div", tag("span", "unknown"), class_="bar hatched")
    part = 100 * min(1.0, row.ratio)
    return tag(
        "div",
        _drawing(row),
        class_="bar",
        role="meter",
        aria_label=name,
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=f"{part:.1f}",
        aria_valuetext=f"{percent(row.ratio)}, {amounts(row)}, {row.state}",
    )


def small_bar(row: LimitRow) -> Html:
    """The same for a line that has the ratio as text: nothing is read out."""
    return tag("span", None if row.ratio is None else _drawing(row), class_="bar small")


def _drawing(row: LimitRow) -> Html:
    marks = [
        tag("line", class_=f"mark {severity}", x1=100 * at, x2=100 * at, y1=0, y2=10)
        for severity, at in (("warning", row.warning), ("critical", row.critical))
        if at is not None
    ]
    part = 100 * min(1.0, row.ratio or 0.0)
    return tag(
        "svg",
        tag("rect", class_=f"fill {row.state}", width=max(0.6, part) if row.used else 0, height=10),
        marks,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )


def last_hour(points: Sequence[Point], now: float, row: LimitRow) -> Html | None:
    """The use of a limit over the last hour, `None` with fewer than two readings in it."""
    seen = [point for point in points if now - HOUR <= point[0] <= now]
    if row.used is not None and seen and seen[-1][0] < now:
        seen.append((now, row.used))
    if len(seen) < 2:
        return None
    low, high = min(used for _, used in seen), max(used for _, used in seen)
    drawing = tag(
        "svg",
        _lines(seen, now, low, max(high - low, MIN_RANGE * (row.max or high), 1)),
        class_="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"last hour: lowest {figure(low, row.unit)}, highest {figure(high, row.unit)}",
    )
    return join(drawing, tag("span", _change(seen, row.unit), class_="change"))


def _lines(points: Sequence[Point], now: float, low: int, span: float) -> list[Html]:
    """A line for each stretch without a gap."""
    stretches = [[points[0]]]
    for before, after in pairwise(points):
        if after[0] - before[0] > GAP:
            stretches.append([])
        stretches[-1].append(after)
    # From the oldest point on, so that the chart of a daemon just started is not a dot.
    start = min(points[0][0], now - 10 * SPACING)
    return [
        tag("polyline", points=" ".join(_place(point, start, now, low, span) for point in stretch))
        for stretch in stretches
    ]


def _place(point: Point, start: float, now: float, low: int, span: float) -> str:
    across = WIDTH * (point[0] - start) / (now - start)
    return f"{across:.1f},{HEIGHT - 2 - (HEIGHT - 4) * (point[1] - low) / span:.1f}"


def _change(points: Sequence[Point], unit: str) -> str:
    (start, first), (end, last) = points[0], points[-1]
    span = f"in {max(1, round((end - start) / 60))} min"
    if first == last:
        return f"no change {span}"
    sign = "+" if last > first else "−"  # noqa: RUF001 - the sign for minus is as wide as plus
    return f"{sign}{figure(abs(last - first), unit)} {span}"
