"""The results of benchmarks: kept as they are, judged by goals, compared with earlier ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from tests.benchmarks.results import Results, Row, document, dumps, lines, loads, slower
from tests.benchmarks.table import CHANNELS, DAEMONS, LAG, QUIET_QUEUES, RENDERING, Goal, daemon
from tests.shown import ROOT

ROW = Row(RENDERING, (2.0, 1.0, 3.0), (10.0, 12.0, 8.0))
RUN: Mapping[str, Any] = {
    "machine": "2 CPUs",
    "python": "3.11.7",
    "date": "2026-01-01",
    "rounds": 3,
    "seconds": 30.0,
}
EMPTY = daemon(*DAEMONS[0])


def results(*rows: Row, **run: Any) -> Results:
    """Of a run like `RUN`."""
    return Results(rows, {**RUN, **run})


def test_what_is_kept_is_read_again() -> None:
    """Results are the same after they were written."""
    found = results(ROW, Row(LAG, (1.5,)))

    assert loads(dumps(found)) == found


def test_a_row_has_median_spread_goal_and_ratio() -> None:
    """A line has the median, lowest and highest, its goal, and how much more a peer has."""
    [line] = lines([ROW])
    assert line == (
        "rendering 50,000 series, per series: 2 µs CPU (1 to 3); 0.1: 0.8; goal <= 0.8: missed; "
        "prometheus_client: 10 µs CPU (8 to 12): 5 times"
    )
    assert list(lines([Row(LAG, (1234.5,))])) == [
        f"{LAG}: 1,234 ms; 0.1: 243, with 500; goal <= 20: missed"
    ]


@pytest.mark.parametrize(
    ("goal", "ours", "theirs", "met", "text"),
    [
        (Goal(10), 10.0, None, True, "<= 10"),
        (Goal(10), 10.1, None, False, "<= 10"),
        (Goal(of_peer=1 / 60), 1.0, 60.0, True, "<= peer / 60"),
        (Goal(of_peer=1 / 60), 1.1, 60.0, False, "<= peer / 60"),
        (Goal(of_peer=1.3), 13.0, 10.0, True, "<= 1.3 x peer"),
        (Goal(of_peer=1.3), 1.0, None, False, "<= 1.3 x peer"),
        (Goal(0), 0.001, None, True, "< 0.005"),
        (Goal(0), 0.1, None, False, "< 0.005"),
    ],
)
def test_a_goal_is_met_or_not(
    goal: Goal, ours: float, theirs: float | None, met: bool, text: str
) -> None:
    """At most a figure, or a part of the peer's; what cannot be compared is not met."""
    assert goal.is_met(ours, theirs) is met
    assert goal.text == text


def test_the_document_says_what_is_met() -> None:
    """A row has what 0.1 needed, the figure, the goal, and whether that is met."""
    shown = document(results(Row(QUIET_QUEUES, (0.0,)), ROW, Row(CHANNELS, (0.4,))))

    assert f"| {QUIET_QUEUES} | 57 to 92 | 0 ms CPU | < 0.005 | yes |  |  |" in shown
    assert "| 0.8 | 2 µs CPU (1 to 3) | <= 0.8 | no | prometheus_client: 10 µs CPU" in shown
    assert "| <= 0.5 | yes | lsevtchn runs in Xen only |" in shown
    assert shown.index(QUIET_QUEUES) < shown.index(RENDERING)  # in the order of the table


@pytest.mark.parametrize(
    ("now", "told"),
    [((2.0, 1.0, 3.0), False), ((3.5, 3.1, 3.3), True), ((4.0, 2.9, 4.0), False)],
)
def test_what_became_slower_is_named(now: tuple[float, ...], told: bool) -> None:
    """A row is slower if each of its rounds is beyond every earlier one, and by a fifth."""
    other = dataclasses.replace(ROW, ours=now)
    found = list(slower(results(other), results(ROW)))

    assert bool(found) is told
    assert list(slower(results(other), results())) == []


@pytest.mark.parametrize(
    ("run", "reference"),
    [({"machine": "8 CPUs"}, 0.06), ({"python": "3.13.1"}, 0.06), ({}, 0.12)],
)
def test_on_another_machine_ratios_are_compared(run: Mapping[str, str], reference: float) -> None:
    """There, or where node_exporter needs another time than before, times alone say nothing."""
    before = results(ROW, Row(EMPTY, (0.1,), (0.06,)), Row(LAG, (1.0,)))
    empty = Row(EMPTY, (0.1 * reference / 0.06,), (reference,))
    twice = Row(RENDERING, (4.0, 4.0, 4.0), (20.0, 20.0, 20.0))
    lag = Row(LAG, (9.0,))

    same = list(slower(results(twice, empty, lag, **run), before))
    slow = dataclasses.replace(twice, theirs=ROW.theirs)
    worse = list(slower(results(slow, empty, lag, **run), before))

    assert len(same) == 1
    assert same[0].endswith(": ratios to the peers are compared")
    assert worse == [*same, f"slower: {RENDERING}: the peer needs 2.5 times as much, was 5"]


def test_the_document_says_how_long_it_took() -> None:
    """A run that knows how long it took says so."""
    assert "; rounds of 30 s, 21 minutes in all." in document(results(ROW, minutes=21))
    assert "; rounds of 30 s.\n" in document(results(ROW))


def test_the_document_is_of_the_results() -> None:
    """docs/performance.md has the figures of docs/performance.json."""
    found = loads((ROOT / "docs/performance.json").read_text())

    assert (ROOT / "docs/performance.md").read_text() == document(found)
