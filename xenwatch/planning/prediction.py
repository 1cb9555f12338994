"""Where the next value will be, from few and noisy ones: medians, quantiles, weighted ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median, stdev
from typing import Final

from xenwatch.values import dataclass

CONFIDENCE: Final = 0.95
FEWEST: Final = 3
"""Values from which a prediction can be made."""
_T: Final = (
    *(2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833),
    *(1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740),
)
"""Student's t of 95 %, one-sided, from 2 degrees of freedom on: of 3 to 18 values."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A quantity of which the next value is below `high` with 95 %, and above `low` with 95 %."""

    low: float
    median: float
    high: float

    def plus(self, other: Interval) -> Interval:
        """The sum of two quantities, each at the same end; none is below 0."""
        return Interval(
            max(0.0, self.low + other.low),
            max(0.0, self.median + other.median),
            max(0.0, self.high + other.high),
        )


def next_value(values: Sequence[float]) -> Interval:
    """Where the next of these values will be; there are `FEWEST` at least.

    From 19 values on by their order: the next one is above the largest of n in one of n + 1 cases,
    whatever their distribution. Fewer have no such quantile: theirs is that of a normal
    distribution of unknown mean and variance, and no value seen is outside.
    """
    ordered = sorted(values)
    count = len(ordered)
    if count - 2 <= len(_T):
        spread = _T[count - 3] * stdev(ordered) * math.sqrt(1 + 1 / count)
        mean = fmean(ordered)
        return Interval(
            min(ordered[0], mean - spread), median(ordered), max(ordered[-1], mean + spread)
        )
    place = math.ceil(CONFIDENCE * (count + 1)) - 1
    return Interval(ordered[count - 1 - place], median(ordered), ordered[place])


def weighted(values: Iterable[tuple[float, float]]) -> Interval:
    """The quantiles 0.05, 0.5 and 0.95 of pairs of value and weight; there is one at least."""
    ordered = sorted(values)
    total = sum(weight for _, weight in ordered)
    return Interval(
        _reached(ordered, (1 - CONFIDENCE) * total),
        _reached(ordered, total / 2),
        _reached(ordered, CONFIDENCE * total),
    )


def _reached(ordered: Iterable[tuple[float, float]], share: float) -> float:
    """The value at which the weights sum up to the share."""
    reached = 0.0
    last = 0.0
    for value, weight in ordered:
        reached += weight
        last = value
        if reached >= share:
            break
    return last
