"""When a limit will be full, from the trend of its use, if there is one.

A trend is estimated by Theil-Sen (the median slope of all pairs of points; Sen, Journal
of the American Statistical Association 63, 1968), and only if use rises throughout: the step of
one VM start, or of many at once, is not a trend. Memory is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from xenwatch.limits.states import LimitInstance, LimitState
from xenwatch.readings.snapshot import Snapshot

SPACING: Final = 60.0
"""Min seconds between two points of a series."""
WINDOWS: Final = (1800.0, 21600.0)
"""Windows in seconds to search for a trend; the first that has one counts."""
MAX_POINTS: Final = 360
"""Max points kept per series: those of the longest window."""
MAX_INSTANCES: Final = 32
"""Max instances tracked per limit, the fullest ones."""
MIN_SPAN: Final = 600.0
"""Min seconds from the first to the last point of a trend."""
MIN_INCREASES: Final = 6
MIN_AGREEMENT: Final = 0.6
"""Min ratio of rising minus falling pairs of points to all pairs (Kendall's tau-a)."""
MAX_COMPARED: Final = 60
"""Max points of a window that are compared in pairs."""

Point = tuple[float, int]
"""Unix time in seconds and units used."""


@dataclass(frozen=True, slots=True)
class History:
    """The use of limits over time: points by limit and instance, and the slopes seen in them.

    `slopes` are units per second, only of rising series.
    """

    series: Mapping[LimitInstance, tuple[Point, ...]] = field(default_factory=dict)
    slopes: Mapping[LimitInstance, float] = field(default_factory=dict)

    def updated(self, states: Iterable[LimitState], snapshot: Snapshot) -> History:
        """The history with the readings of a snapshot, whose `states` are as `assess` has them.

        Instances that are gone are dropped, except those of limits that could not be read.
        """
        series: dict[LimitInstance, tuple[Point, ...]] = {}
        slopes: dict[LimitInstance, float] = {}
        unread: set[str] = set()
        for state in _tracked(states):
            key = (state.limit.name, state.instance)
            outcome = snapshot.outcomes.get(state.limit.probe)
            before = self.series.get(key, ())
            if state.used is None or outcome is None:
                unread.add(state.limit.name)
                continue
            now = appended(before, (outcome.time, state.used))
            rate = self.slopes.get(key) if now is before else slope(now)
            series[key] = now
            if rate is not None:
                slopes[key] = rate
        for key in self.series:
            if key[0] in unread:
                series[key] = self.series[key]
        return History(series, slopes)


def forecast(history: History, states: Iterable[LimitState]) -> dict[str, float]:
    """Seconds until each limit's first instance is full, by name; absent without a trend."""
    found: dict[str, float] = {}
    for state in states:
        rate = history.slopes.get((state.limit.name, state.instance))
        if rate is not None and state.headroom is not None:
            seconds = state.headroom / rate
            found[state.limit.name] = min(seconds, found.get(state.limit.name, seconds))
    return found


def appended(points: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    """The series with one more point, unless it is too close to the last one.

    A clock that was set back starts a new series.
    """
    if points and point[0] < points[-1][0]:
        return (point,)
    if points and point[0] < points[-1][0] + SPACING:
        return points
    return (*points[1 - MAX_POINTS :], point)


def slope(points: Sequence[Point]) -> float | None:
    """Units per second by which the newest points rise, `None` without a trend."""
    for seconds in WINDOWS:
        window = [point for point in points if point[0] >= points[-1][0] - seconds]
        found = _trend(window)
        if found is not None:
            return found
    return None


def _trend(points: Sequence[Point]) -> float | None:
    if not points or points[-1][0] - points[0][0] < MIN_SPAN:
        return None
    if sum(after[1] > before[1] for before, after in pairwise(points)) < MIN_INCREASES:
        return None
    chosen = points[:: -(-len(points) // MAX_COMPARED)]
    third = len(chosen) // 3
    parts = (chosen[:third], chosen[third:-third], chosen[-third:])
    # Every third must rise: after a burst of starts one of them is flat.
    if any(median(_slopes(part)) <= 0 for part in parts):
        return None
    slopes = _slopes(chosen)
    agreement = sum((slope > 0) - (slope < 0) for slope in slopes) / len(slopes)
    return median(slopes) if agreement >= MIN_AGREEMENT else None


def _slopes(points: Sequence[Point]) -> list[float]:
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)]


def _tracked(states: Iterable[LimitState]) -> list[LimitState]:
    """The states to track: the fullest instances of scarce limits."""
    by_limit: defaultdict[str, list[LimitState]] = defaultdict(list)
    for state in states:
        if state.limit.scarce:
            by_limit[state.limit.name].append(state)
    return [
        state
        for found in by_limit.values()
        for state in sorted(found, key=lambda state: state.ratio or 0, reverse=True)[:MAX_INSTANCES]
    ]
