"""The results of benchmarks: kept as they are, and compared with those of before."""

from __future__ import annotations

import dataclasses

import pytest

from tests.benchmarks.results import Results, Row, document, dumps, lines, loads, slower
from tests.shown import ROOT

ROW = Row("scrape", "ms", (2.0, 1.0, 3.0), "peer", (10.0, 12.0, 8.0))


def test_what_is_kept_is_read_again() -> None:
    """Results are the same after they were written."""
    found = Results((ROW, Row("loop", "ms", (1.5,))), {"rounds": 3, "date": "2026-01-01"})

    assert loads(dumps(found)) == found


def test_a_row_has_median_spread_and_ratio() -> None:
    """A line has the median of the rounds, the lowest and highest, and how much more a peer has."""
    assert list(lines([ROW])) == ["scrape: 2 ms (1 to 3); peer: 10 ms (8 to 12): 5 times"]
    assert list(lines([Row("loop", "ms", (1234.5,))])) == ["loop: 1,234 ms"]


@pytest.mark.parametrize(
    ("now", "told"),
    [((2.0, 1.0, 3.0), False), ((3.5, 3.1, 3.3), True), ((4.0, 2.9, 4.0), False)],
)
def test_what_became_slower_is_named(now: tuple[float, ...], told: bool) -> None:
    """A row is slower if each of its rounds is beyond every earlier one, and by a fifth."""
    found = list(slower([dataclasses.replace(ROW, ours=now)], [ROW]))

    assert bool(found) is told
    assert list(slower([dataclasses.replace(ROW, name="new", ours=now)], [ROW])) == []


def test_the_document_is_of_the_results() -> None:
    """docs/performance.md has the figures of docs/performance.json."""
    found = loads((ROOT / "docs/performance.json").read_text())

    assert (ROOT / "docs/performance.md").read_text() == document(found)
