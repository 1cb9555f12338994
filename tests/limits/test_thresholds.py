"""How thresholds compare, and pairs that are inverted."""

from __future__ import annotations

import pytest

from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.thresholds import inverted, reached


@pytest.mark.parametrize(
    ("ratio", "threshold", "expected"),
    [(0.8, 0.8, True), (0.79, 0.8, False), (None, 0.8, False), (0.9, None, False)],
)
def test_a_threshold_is_reached_at_its_value(
    ratio: float | None, threshold: float | None, expected: bool
) -> None:
    """A ratio at its threshold has reached it; what is unknown or never has not."""
    assert reached(ratio, threshold) is expected


@pytest.mark.parametrize(
    ("thresholds", "lower_is_worse", "words"),
    [
        (Thresholds(0.8, 0.9), False, ""),
        (Thresholds(0.8, 0.8), False, ""),
        (Thresholds(0.9, 0.8), False, "warning 0.9 is above critical 0.8"),
        (Thresholds(0.9, None), False, ""),
        (Thresholds(None, 0.1), True, ""),
        (Thresholds(0.3, 0.1), True, ""),
        (Thresholds(0.1, 0.1), True, ""),
        (Thresholds(0.1, 0.3), True, "warning 0.1 is below critical 0.3"),
    ],
)
def test_an_inverted_pair_is_named(
    thresholds: Thresholds, lower_is_worse: bool, words: str
) -> None:
    """The critical threshold is at the warning one or beyond it, in the direction that is worse."""
    assert inverted(thresholds, lower_is_worse=lower_is_worse) == words


def test_no_default_is_inverted() -> None:
    """The thresholds of every limit and of every alert that has its own are in order."""
    wrong = {limit.name: inverted(limit.thresholds) for limit in LIMITS}
    wrong |= {
        alert.name: inverted(alert.thresholds, lower_is_worse=alert.lower_is_worse)
        for alert in ALERTS
        if alert.thresholds is not None
    }

    assert {name: words for name, words in wrong.items() if words} == {}
