"""Charts with axes; values are shown on hover and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from xenwatch.display.text import printable
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.times import asked, short
from xenwatch.status.history import Point

WIDTH: Final = 600
HEIGHT: Final = 100
GAP: Final = 2.5
"""Steps between two points above which the line is interrupted: nothing was recorded."""

Words = Callable[[float], str]
"""A value in words."""


def plot(
    name: str,
    points: Sequence[Point],
    times: tuple[float, float, float],
    words: Words,
    *,
    path: str = "/",
    of: Sequence[str] = (),
) -> Html:
    """A chart of points; `times` are start and end of its axis as Unix time, and the step.

    The script of the page tells the values by pointer and arrow keys; without it the lowest, the
    highest and the last one are told. The page at `path` shows the moment of the highest, or of the
    one that is told. `of` are the VMs that the points are of, empty where they are of none.
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
    vms = of or [""] * len(points)
    data = [
        [round(x, 1), round(y, 1), f"{short(at)}: {words(value)}{_of(vm)}", asked(at)]
        for (x, y), (at, value), vm in zip(places, points, vms, strict=True)
    ]
    middle = tag("span", words(high), class_="high")
    return tag(
        "figure",
        tag("figcaption", name),
        tag("div", middle, tag("span", words(floor), class_="low"), class_="axis"),
        tag(
            "div",
            _drawing(points, places, step),
            class_="plot",
            role="img",
            tabindex="0",
            aria_label=said,
            data_points=json.dumps(data, separators=(",", ":")),
        ),
        tag("div", tag("span", short(start)), tag("span", short(end)), class_="times"),
        tag("p", f"last {words(values[-1])}", class_="told"),
        _peak(points, vms, words, path),
        class_="chart-box",
    )


def _drawing(points: Sequence[Point], places: Sequence[tuple[float, float]], step: float) -> Html:
    return tag(
        "svg",
        [tag("line", class_="grid", x1=0, x2=WIDTH, y1=y, y2=y) for y in (0, HEIGHT / 2, HEIGHT)],
        _lines(points, places, step),
        tag("line", class_="cursor", x1=0, x2=0, y1=0, y2=HEIGHT),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )


def _peak(points: Sequence[Point], vms: Sequence[str], words: Words, path: str) -> Html:
    """The highest value, with a link to its moment."""
    (at, high), vm = max(zip(points, vms, strict=True), key=lambda one: one[0][1])
    return tag(
        "p",
        f"highest {words(high)}",
        untrusted(_of(vm)) if vm else None,
        ": ",
        tag("a", short(at), href=f"{path}?at={asked(at)}"),
        class_="peak",
    )


def _of(vm: str) -> str:
    return f", {printable(vm)}" if vm else ""


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


def grid(charts: Sequence[Html]) -> Html:
    """Several charts side by side."""
    return join(tag("div", charts, class_="charts"))
