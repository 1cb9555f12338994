"""Whether counters are still of the same threads, and what a kernel that keeps none costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.support import dom0
from xenwatch.model.render.taskstats import render_taskstats
from xenwatch.parse.taskstats import Counters
from xenwatch.probes.counters import (
    KTHREADD,
    NOBODY,
    Counted,
    growth,
    growths,
    read_counters,
    read_table,
    unpacked,
)
from xenwatch.sources.base import TASKSTATS_MAX

CLOCK = Counters(1, 0, 0, 900_000_000, 1)
SOME = Counters(5, 6, 7, 40_000_000, 9)


def counted(clock_us: int, late_us: int = 0, **numbers: int) -> Counted:
    """Counters at a time."""
    return SOME._replace(**numbers), clock_us, late_us


def test_each_question_has_the_clock_at_both_ends() -> None:
    """More processes than a question may have take several, each with kthreadd before and after."""
    pids = range(1000, 1000 + TASKSTATS_MAX)
    source = dom0(counters={KTHREADD: CLOCK, **dict.fromkeys(pids, SOME)})

    found = read_counters(source, pids)

    assert found == dict.fromkeys(pids, (SOME, CLOCK.age_us, 0))
    most = TASKSTATS_MAX - 2
    assert source.asked == [
        ("taskstats", KTHREADD, *pids[:most], KTHREADD),
        ("taskstats", KTHREADD, *pids[most:], KTHREADD),
    ]


def test_nobody_is_asked_about_nothing() -> None:
    """Without processes there is no question: commands of one pass need no socket for it."""
    source = dom0(counters={KTHREADD: CLOCK})

    assert read_counters(source, ()) == {}
    assert source.asked == []


@pytest.mark.parametrize(
    "kernel",
    [
        {},
        {7: SOME},
        {KTHREADD: CLOCK._replace(age_us=0), 7: SOME._replace(age_us=0)},
        {KTHREADD: CLOCK, 7: Counters(0, 0, 0, 40_000_000, 9)},
        {KTHREADD: CLOCK},
    ],
    ids=["no taskstats", "no kthreadd", "before Linux 4.19", "no delays", "no such process"],
)
def test_what_is_not_kept_is_not_zero(kernel: dict[int, Counters]) -> None:
    """A kernel that lacks a part of the numbers tells none of them."""
    assert read_counters(dom0(counters=kernel), (7,)) == {}


class Answering:
    """A kernel that answers each question with these processes and counters."""

    def __init__(self, *rows: tuple[int, Counters]) -> None:
        self._rows = rows

    def taskstats(self, _: object) -> bytes:
        """The answer."""
        return render_taskstats(self._rows)


@pytest.mark.parametrize(
    "rows",
    [
        [(KTHREADD, CLOCK), (7, SOME), (KTHREADD, CLOCK._replace(age_us=CLOCK.age_us - 1))],
        [(KTHREADD, CLOCK), (8, SOME), (7, SOME), (KTHREADD, CLOCK)],
        [(KTHREADD, CLOCK), (7, SOME), (7, SOME), (KTHREADD, CLOCK)],
        [(KTHREADD, CLOCK), (5, SOME), (KTHREADD, CLOCK)],
        [(KTHREADD, CLOCK), (7, SOME), (8, SOME), (9, SOME), (5, SOME), (KTHREADD, CLOCK)],
    ],
    ids=["the clock goes back", "another order", "twice", "another process", "one too many"],
)
def test_an_answer_that_cannot_be_is_none(rows: list[tuple[int, Counters]]) -> None:
    """Counters are never of another process than was asked about, nor is a time negative."""
    source: Any = Answering(*rows)
    other: Any = Answering((KTHREADD, CLOCK), (7, SOME), (9, SOME), (KTHREADD, CLOCK))

    assert read_table(source, (7, 8, 9)) == NOBODY
    assert list(read_table(other, (7, 8, 9)).pids) == [7, 9]


def test_a_table_of_others_has_their_rows_in_order() -> None:
    """Those that were counted meanwhile have their newer counters; strangers are in none."""
    pids = (7, 8, 9)
    source = dom0(counters={KTHREADD: CLOCK, **dict.fromkeys(pids, SOME)})
    table = read_table(source, pids)

    found = table.of((9, 5, 7), {7: counted(901_000_000, switches=10)})

    assert list(found.pids) == [9, 7]
    assert list(found.switches) == [9, 10]
    assert list(found.clock_us) == [CLOCK.age_us, 901_000_000]
    assert unpacked(found.packed()) == found
    assert list(growths(table.of((9, 7), {}), found, (1, 1))) == [(0, 0, 0), None]


@given(
    threads=st.integers(1, 50),
    passed_us=st.integers(0, 10**9),
    late=st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_same_threads_are_the_same_however_late_they_are_counted(
    threads: int, passed_us: int, late: tuple[int, int], parts: tuple[float, float]
) -> None:
    """Each age grows by the time between two moments, each of which lies within its question."""
    at = [int(part * each) for part, each in zip(parts, late, strict=True)]
    older = threads * (passed_us + at[1] - at[0])
    then = counted(10**9, late[0], age_us=10**12)
    now = counted(10**9 + passed_us, late[1], age_us=10**12 + older, switches=12)

    assert growth(then, now, threads) == (3, 0, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"age_us": 40_000_000 + 30_000_000 + 9}, "a thread began"),
        ({"age_us": 40_000_000 + 20_000_000 - 9}, "a thread ended"),
        ({"age_us": 3_000_000, "switches": 5000}, "another process"),
        ({"switches": 8}, "less switches"),
        ({"wait_ns": 5}, "less waiting"),
        ({"cpu_ns": 6}, "less running"),
        ({"cpu_ns": 21_000_000_000}, "two threads ran longer than ten seconds each"),
        ({"wait_ns": 15_000_000_000, "cpu_ns": 6_000_000_000}, "ran and waited so long"),
    ],
)
def test_what_is_no_growth_is_not_counted(change: dict[str, int], why: str) -> None:
    """Other threads, another process, and what two threads cannot have done in ten seconds."""
    then = counted(900_000_000)
    grown = {"age_us": 40_000_000 + 20_000_000, **change}

    assert growth(then, counted(910_000_000, **grown), 2) is None, why
    assert growth(then, counted(910_000_000, age_us=60_000_000), 2) == (0, 0, 0)
