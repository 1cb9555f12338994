"""A report as HTML and as Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.report import html, markdown
from xenwatch.report.content import Plot, Report, Section, Table, mapped
from xenwatch.report.gather import Fired

TEXT = st.text(max_size=30)
PLOTS = st.builds(
    Plot,
    TEXT,
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 9)), min_size=2, max_size=30).map(
        lambda points: tuple(sorted(points))
    ),
    st.floats(1, 9),
    st.tuples(TEXT, TEXT, TEXT),
)
SECTIONS = st.builds(
    Section,
    st.sampled_from(("Alerts", "VMs")),
    st.lists(TEXT, max_size=3).map(tuple),
    st.builds(Table, st.just(("A", "B")), st.lists(st.tuples(TEXT, TEXT)).map(tuple), TEXT),
    st.lists(PLOTS, max_size=2).map(tuple),
)
ALERTS = st.builds(Fired, st.sampled_from(("warning", "critical")), TEXT, st.floats(0, 100))
REPORTS = st.builds(
    Report,
    TEXT,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
    st.just(0.0),
    st.just(100.0),
    st.lists(ALERTS, max_size=2).map(tuple),
    st.lists(SECTIONS, max_size=3).map(tuple),
)
ELEMENTS = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "h1"),
        *("h2", "p", "bdi", "table", "caption", "thead", "tbody", "tr", "th", "td", "div"),
        *("details", "summary", "figure", "figcaption", "svg", "rect", "line", "polyline", "span"),
    )
)


class Elements(HTMLParser):
    """The elements of a document, and what it would load or run."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.loaded: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.add(tag)
        self.loaded += [
            name for name, _ in attrs if name in ("src", "href") or name.startswith("on")
        ]


@settings(deadline=None)
@given(REPORTS)
def test_html_loads_and_runs_nothing(report: Report) -> None:
    """Whatever VMs are called: there are the elements that were meant, and no script or link."""
    found = Elements(html.render(report))
    assert found.found <= ELEMENTS
    assert found.loaded == []


@settings(deadline=None)
@given(REPORTS)
def test_markdown_has_the_rows_that_were_meant(report: Report) -> None:
    """No text begins a heading, a list or a cell of its own, and none is markup."""
    lines = markdown.render(report).splitlines()
    headings = [line for line in lines if line.startswith("#")]
    assert len(headings) == 1 + len(report.sections)
    rows = sum(len(section.table.rows) for section in report.sections if section.table)
    cells = [re.findall(r"(?<!\\)(?:\\\\)*\|", line) for line in lines if line.startswith("| ")]
    assert len([one for one in cells if len(one) == 3]) == rows + 2 * sum(
        bool(section.table and section.table.rows) for section in report.sections
    )
    assert not re.search(r"(?<!\\)(?:\\\\)*<", "\n".join(lines))


def test_a_text_is_not_taken_for_a_list() -> None:
    """At the begin of a line."""
    assert markdown.escaped("1. web") == r"1\. web"
    assert markdown.escaped("- a_b") == r"\- a\_b"
    assert markdown.escaped("99.9% of <b>") == r"99.9% of \<b\>"


def test_blocks_are_as_high_as_the_values() -> None:
    """From nothing to the top."""
    points = tuple((float(n), float(n)) for n in range(8))
    assert markdown.blocks(Plot("", points, 7.0, ("", "", ""))) == markdown.BLOCKS


def test_the_highest_of_many_is_drawn() -> None:
    """A peak of one moment is not lost."""
    points = [(float(n), 1.0 if n == 501 else 0.0) for n in range(1000)]
    found = html.thinned(points, 100)
    assert len(found) == 100
    assert (501.0, 1.0) in found


def test_a_gap_interrupts_the_line() -> None:
    """As long as nothing was read there is none."""
    times = [*range(0, 100, 10), *range(500, 600, 10)]
    plot = Plot("x", tuple((float(time), 1.0) for time in times), 1.0, ("0", "1", "2"))
    report = Report("", "t", (), 0.0, 600.0, (), (Section("S", plots=(plot,)),))
    assert html.render(report).count("<polyline") == 2


def test_every_text_of_a_report_is_changed() -> None:
    """For a redacted one."""
    report = Report("m", "t", ("f",), 0.0, 1.0, (Fired("s", "a", 0.0),), (
        Section("n", ("w",), Table(("h",), (("r",),), "o"), (Plot("p", ((0.0, 1.0),), 1.0,
                                                                   ("x", "y", "z")),)),
    ))  # fmt: skip
    changed = repr(mapped(report, str.upper))
    assert re.findall(r"'([a-z]+)'", changed) == []
    assert mapped(report, str).begin == 0.0
