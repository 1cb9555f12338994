"""A report as one HTML document, which loads and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from itertools import pairwise
from typing import Final

from xenwatch.display.text import counted
from xenwatch.page.html import Html, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.report.content import Plot, Report, Section, Table
from xenwatch.report.gather import Fired, Point
from xenwatch.report.timeline import clock

WIDTH: Final = 600.0
HEIGHT: Final = 120.0
MOST_POINTS: Final = 400
"""Points of a line; of more the highest of each stretch is drawn."""
MOST_ROWS: Final = 30
"""Rows of a table that is shown unasked."""
GAP: Final = 5.0
"""Times the usual distance of two points at which the line is interrupted."""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for it: nothing."""


def render(report: Report) -> str:
    """The document."""
    mark = f"{report.mark.partition(':')[0]} - " if report.mark else ""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{mark}{report.title} - xenwatch"),
        tag("style", Html(_style())),
    )
    body = tag(
        "body",
        tag(
            "header",
            tag("p", untrusted(report.mark), class_="mark") if report.mark else None,
            tag("h1", untrusted(report.title)),
            [tag("p", untrusted(fact)) for fact in report.facts],
        ),
        tag("main", [_section(section, report) for section in report.sections]),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _style() -> str:
    return (resources.files("xenwatch.report") / "report.css").read_text("utf-8")


def _section(section: Section, report: Report) -> Html:
    name = section.title.lower().replace(" ", "-")
    plots = [_figure(plot, report) for plot in section.plots]
    return tag(
        "section",
        tag("h2", section.title, id=name),
        [tag("p", untrusted(said)) for said in section.said],
        _table(section.title, section.table) if section.table else None,
        tag("div", plots, class_="plots") if plots else None,
        aria_labelledby=name,
    )


def _table(caption: str, of: Table) -> Html:
    if not of.rows:
        return tag("p", of.none)
    rows = [[Cell(untrusted(text)) for text in row] for row in of.rows]
    made = table(caption, of.header, rows)
    if len(rows) <= MOST_ROWS:
        return made
    return tag("details", tag("summary", counted(len(rows), "row")), made)


def _figure(plot: Plot, report: Report) -> Html:
    low, half, high = plot.marks
    highest = max(value for _, value in plot.points)
    drawing = tag(
        "svg",
        [_alert(alert, report) for alert in report.alerts if alert.severity == "critical"],
        [tag("line", x1=0, x2=WIDTH, y1=y, y2=y, class_="grid") for y in (0, HEIGHT / 2, HEIGHT)],
        _lines(plot, report.begin, report.end),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{plot.title}: highest {highest / plot.top:.0%} of {high}",
    )
    times = (report.begin, (report.begin + report.end) / 2, report.end)
    return tag(
        "figure",
        tag("figcaption", untrusted(plot.title)),
        tag(
            "div",
            tag("div", [tag("span", mark) for mark in (high, half, low)], class_="y"),
            drawing,
            tag("div", [tag("span", clock(time)) for time in times], class_="x"),
            class_="plot",
        ),
    )


def _alert(alert: Fired, report: Report) -> Html:
    """When a critical alert fired, as a band behind the line."""
    begin = _across(max(alert.begin, report.begin), report.begin, report.end)
    end = _across(report.end if alert.end is None else alert.end, report.begin, report.end)
    return tag("rect", x=begin, y=0, width=max(1.0, end - begin), height=HEIGHT, class_="alert")


def _lines(plot: Plot, begin: float, end: float) -> list[Html]:
    """A line for each stretch without a gap."""
    points = thinned(plot.points, MOST_POINTS)
    apart = sorted(after[0] - before[0] for before, after in pairwise(points))
    gap = GAP * max(apart[len(apart) // 2], apart[len(apart) * 9 // 10])
    stretches = [[points[0]]]
    for before, after in pairwise(points):
        if after[0] - before[0] > gap:
            stretches.append([])
        stretches[-1].append(after)
    return [
        tag("polyline", points=" ".join(_place(point, plot.top, begin, end) for point in stretch))
        for stretch in stretches
    ]


def _across(time: float, begin: float, end: float) -> float:
    return WIDTH * (time - begin) / (end - begin) if end > begin else 0.0


def _place(point: Point, top: float, begin: float, end: float) -> str:
    return f"{_across(point[0], begin, end):.1f},{HEIGHT - HEIGHT * min(1.0, point[1] / top):.1f}"


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """So many points at most: the highest of each stretch, each at its own time."""
    size = -(-len(points) // most)
    stretches = (points[start : start + size] for start in range(0, len(points), size))
    return [max(stretch, key=lambda point: point[1]) for stretch in stretches]
