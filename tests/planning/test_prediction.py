"""Predictions of the next value, and weighted quantiles."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.planning.prediction import Interval, next_value, weighted

VALUES = st.lists(st.integers(0, 1 << 40), min_size=3, max_size=64)
TRIALS = 2000


@given(VALUES)
def test_a_prediction_is_in_order_and_moves_with_its_values(values: list[int]) -> None:
    """The ends lie on both sides of the median, and a constant added to all is added to them."""
    found, moved = next_value(values), next_value([value + 1000 for value in values])

    assert found.low <= found.median <= found.high
    assert moved.median == pytest.approx(found.median + 1000)
    assert moved.high == pytest.approx(found.high + 1000, rel=1e-6)


@given(st.integers(0, 1 << 40), st.integers(3, 64))
def test_equal_values_are_certain(value: int, count: int) -> None:
    """Where all VMs took the same the next one is taken to as well."""
    assert next_value([value] * count) == Interval(value, value, value)


@pytest.mark.parametrize("count", [3, 5, 10, 18, 19, 40])
def test_the_next_value_is_below_the_high_end_in_95_percent(count: int) -> None:
    """In two thousand trials the next value of a normal distribution is below as often as said."""
    generator = random.Random(count)
    below = above = 0
    for _ in range(TRIALS):
        *seen, following = (generator.gauss(100, 15) for _ in range(count + 1))
        found = next_value(seen)
        below += following <= found.high
        above += following >= found.low

    assert below >= 0.93 * TRIALS
    assert above >= 0.93 * TRIALS


@given(VALUES)
def test_few_values_are_all_inside(values: list[int]) -> None:
    """Of fewer than 19 values none lies outside their own prediction."""
    few = values[:18]
    found = next_value(few)

    assert found.low <= min(few)
    assert max(few) <= found.high


def test_weights_decide_the_quantiles() -> None:
    """A value counts as often as its weight says."""
    assert weighted([(1, 1), (5, 98), (9, 1)]) == Interval(5, 5, 5)
    assert weighted([(9, 50), (1, 50), (5, 10)]) == Interval(1, 5, 9)


def test_a_sum_is_never_negative() -> None:
    """What a VM takes is nothing at least, whatever noise says."""
    assert Interval(1, 2, 3).plus(Interval(-9, -1, 4)) == Interval(0, 1, 7)
