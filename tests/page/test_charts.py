"""Bars and charts: what is drawn, and what is said to those who do not see it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from xenwatch.page.charts import amounts, bar, last_hour
from xenwatch.status.host_status import LimitRow

NOW = 100_000.0
HALF = LimitRow(
    limit="aio_requests",
    title="aio requests",
    label="",
    instance="",
    unit="",
    used=1000,
    max=2000,
    max_origin="a file",
    ratio=0.5,
    headroom=1000,
    state="ok",
    warning=0.8,
    critical=0.9,
)


def row(**numbers: Any) -> LimitRow:
    """A limit that is half used, or as `numbers` say."""
    return dataclasses.replace(HALF, **numbers)


def test_a_bar_is_a_meter() -> None:
    """A bar has the role, the value and the words of a meter, and a mark for each threshold."""
    markup = bar(row(), "aio requests")

    assert 'role="meter"' in markup
    assert 'aria-valuenow="50.0"' in markup
    assert 'aria-valuetext="50.0 %, 1,000 of 2,000 used, ok"' in markup
    assert re.findall(r'class="mark (\w+)" x1="(\d+)"', markup) == [
        ("warning", "80"),
        ("critical", "90"),
    ]


@pytest.mark.parametrize(
    ("numbers", "width"), [({}, "50"), ({"ratio": 1.5}, "100"), ({"used": 0, "ratio": 0.0}, "0")]
)
def test_a_bar_is_as_long_as_the_use(numbers: dict[str, Any], width: str) -> None:
    """The filled part is the ratio, never longer than the bar."""
    assert re.findall(r'<rect [^>]*width="([\d.]+)"', bar(row(**numbers), "x")) == [width]


def test_a_little_use_is_seen() -> None:
    """What is used at all is not drawn as nothing."""
    markup = bar(row(used=1, ratio=0.00001), "x")

    assert re.findall(r'<rect [^>]*width="([\d.]+)"', markup) == ["0.6"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"used": None}, "could not be read"),
        ({"max": None}, "1,000 used, max unknown"),
    ],
)
def test_the_unknown_is_no_bar(numbers: dict[str, Any], words: str) -> None:
    """Without a ratio there is neither meter nor bar, but the word, and what is known."""
    unknown = row(ratio=None, state="unknown", **numbers)

    assert "<rect" not in bar(unknown, "x")
    assert "meter" not in bar(unknown, "x")
    assert "unknown" in bar(unknown, "x")
    assert amounts(unknown) == words


def lines(markup: str | None) -> list[list[tuple[float, float]]]:
    """The places of every line of a chart."""
    assert markup is not None
    return [
        [(float(x), float(y)) for x, y in (place.split(",") for place in points.split())]
        for points in re.findall(r'points="([^"]+)"', markup)
    ]


def test_a_chart_goes_from_left_to_right_and_up() -> None:
    """Use that rises over the hour is a line from the lower left to the upper right."""
    points = [(NOW - 3600 + 60 * n, 940 + n) for n in range(61)]
    markup = last_hour(points, NOW, row())
    (line,) = lines(markup)

    assert line[0] == (0, 22)
    assert line[-1] == (120, 2)
    assert line == sorted(line, key=lambda place: (place[0], -place[1]))
    assert "+60 in 60 min" in str(markup)
    assert 'aria-label="last hour: lowest 940, highest 1,000"' in str(markup)


def test_no_line_is_drawn_where_nothing_was_read() -> None:
    """A gap in the readings is a gap in the chart."""
    points = [(NOW - 3000 + 60 * n, 1000) for n in (*range(5), *range(30, 50))]
    drawn = lines(last_hour(points, NOW, row()))

    assert [len(line) for line in drawn] == [5, 21]  # and the present reading


def test_older_points_are_left_out() -> None:
    """The chart is of the last hour, whatever else is remembered."""
    points = [(NOW - 7200, 0), (NOW - 1800, 1000), (NOW - 1740, 1000)]

    assert "lowest 1,000" in str(last_hour(points, NOW, row()))


@pytest.mark.parametrize("points", [[], [(NOW, 1000)], [(NOW - 7200, 1000)]])
def test_one_point_is_no_chart(points: list[tuple[float, int]]) -> None:
    """With fewer than two readings there is nothing to draw."""
    assert last_hour(points, NOW, row()) is None


def test_noise_is_drawn_small() -> None:
    """A change of a thousandth of the max does not fill the chart."""
    points = [(NOW - 120, 1000), (NOW - 60, 1002)]
    ((_, first), (_, second), _), *_ = lines(last_hour(points, NOW, row()))

    assert 0 < first - second < 3
