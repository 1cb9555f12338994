"""Charts with axes; values are shown on hover and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from xenwatch.page.html import Html, join, tag
from xenwatch.status.history import Point

WIDTH: Final = 600
HEIGHT: Final = 100
GAP: Final = 2.5
"""Steps between two points above which the line is interrupted: nothing was recorded."""

Words = Callable[[float], str]
"""A value in words."""


def plot(
    name: str, points: Sequence[Point], times: tuple[float, float, float], words: Words
) -> Html:
    """A chart of points; `times` are start and end of its axis as Unix time, and the step.

    The script of the page tells the values by pointer and arrow keys; without it the lowest, the
    highest and the last one are told.
    """
    start, end, step = times
    if not points:
        return tag("p", f"{name}: nothing was recorded.", class_="muted")
    values = [value for _, value in points]
    low, high = min(values), max(values)
    spread = (high - low) or max(abs(high), 1.0)
    floor = low if high > low else min(low, 0.0) if low <= 0 else low - spread / 2
    top = max(high, floor + spread)
    places = [
        (WIDTH * (at - start) / (end - start), HEIGHT * (1 - (value - floor) / (top - floor)))
        for at, value in points
    ]
    said = f"{name}: lowest {words(low)}, highest {words(high)}, last {words(values[-1])}"
    data = [
        [round(x, 1), round(y, 1), f"{_moment(at)}: {words(value)}"]
        for (x, y), (at, value) in zip(places, points, strict=True)
    ]
    drawing = tag(
        "svg",
        [tag("line", class_="grid", x1=0, x2=WIDTH, y1=y, y2=y) for y in (0, HEIGHT / 2, HEIGHT)],
        _lines(points, places, step),
        tag("line", class_="cursor", x1=0, x2=0, y1=0, y2=HEIGHT),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )
    middle = tag("span", words(high), class_="high")
    return tag(
        "figure",
        tag("figcaption", name),
        tag("div", middle, tag("span", words(floor), class_="low"), class_="axis"),
        tag(
            "div",
            drawing,
            class_="plot",
            role="img",
            tabindex="0",
            aria_label=said,
            data_points=json.dumps(data, separators=(",", ":")),
        ),
        tag("div", tag("span", _moment(start)), tag("span", _moment(end)), class_="times"),
        tag("p", f"last {words(values[-1])}", class_="told"),
        class_="chart-box",
    )


def _lines(
    points: Sequence[Point], places: Sequence[tuple[float, float]], step: float
) -> list[Html]:
    """A line for each stretch without a gap; a point alone is a short one."""
    stretches = [[places[0]]]
    for (before, after), place in zip(pairwise(points), places[1:], strict=True):
        if after[0] - before[0] > GAP * step:
            stretches.append([])
        stretches[-1].append(place)
    return [
        tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in _wide(stretch)))
        for stretch in stretches
    ]


def _wide(stretch: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    (x, y), *others = stretch
    return stretch if others else [(x - 1, y), (x + 1, y)]


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M} UTC"


def grid(charts: Sequence[Html]) -> Html:
    """Several charts side by side."""
    return join(tag("div", charts, class_="charts"))
