"""Charts with axes: what is drawn, and what is told of it."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_html import Reader
from xenwatch.page.plots import HEIGHT, WIDTH, plot

TIMES = (0.0, 3600.0, 60.0)


def points_of(markup: str) -> list[list[float | str]]:
    """The points as the script gets them."""
    plots = [dict(attrs) for tag, attrs in Reader(markup).tags if tag == "div"]
    (data,) = [each["data-points"] for each in plots if "data-points" in each]
    found: list[list[float | str]] = json.loads(data or "")
    return found


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3600), st.floats(-1e12, 1e12)), min_size=1, max_size=40))
def test_points_stay_within_the_axes(points: list[tuple[float, float]]) -> None:
    """Whatever the values, each point is within the chart and has its time and value in words."""
    ordered = sorted(points)
    found = points_of(plot("use", ordered, TIMES, "{:.0f}".format))

    assert len(found) == len(ordered)
    for (x, y, words, _), (_, value) in zip(found, ordered, strict=True):
        assert -0.1 <= float(x) <= WIDTH + 0.1
        assert -0.1 <= float(y) <= HEIGHT + 0.1
        assert str(words).endswith(f"UTC: {value:.0f}")


def test_the_axes_have_their_ends() -> None:
    """The lowest and highest value, the first and last time, and a sentence for who cannot see."""
    markup = plot("use", [(0, 10), (1800, 30), (3600, 20)], TIMES, "{:.0f} u".format)
    text = Reader(markup).text

    assert [words in text for words in ("30 u", "10 u", "01-01 00:00 UTC", "01-01 01:00 UTC")] == [
        True
    ] * 4
    assert 'aria-label="use: lowest 10 u, highest 30 u, last 20 u"' in markup
    assert 'tabindex="0"' in markup


def test_nothing_is_drawn_where_nothing_was_recorded() -> None:
    """A gap is a gap in the line, and no point at all is a sentence."""
    gapped = plot("use", [(0, 1), (60, 1), (1800, 1), (1860, 1)], TIMES, str)

    assert len(re.findall("<polyline", gapped)) == 2
    assert plot("use", [], TIMES, str) == '<p class="muted">use: nothing was recorded.</p>'


def test_the_highest_point_leads_to_its_moment() -> None:
    """Of several with that value the first; the VM is named, and so is that of each point."""
    points = [(0.0, 10.0), (1800.0, 30.0), (3600.0, 30.0)]
    markup = plot("use", points, TIMES, "{:.0f}".format, path="/vm/a", of=("", "<web>", "db"))

    assert 'highest 30<bdi>, &lt;web&gt;</bdi>: <a href="/vm/a?at=1970-01-01T00:30:00Z">' in markup
    assert [point[2:] for point in points_of(markup)] == [
        ["01-01 00:00 UTC: 10", "1970-01-01T00:00:00Z"],
        ["01-01 00:30 UTC: 30, <web>", "1970-01-01T00:30:00Z"],
        ["01-01 01:00 UTC: 30, db", "1970-01-01T01:00:00Z"],
    ]
