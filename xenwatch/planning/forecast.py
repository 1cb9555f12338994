"""When a limit will be full, from the trend of its use, where there is one.

A trend is told by the Theil-Sen estimator (the median slope of all pairs of points; Sen, Journal
of the American Statistical Association 63, 1968), and only where use rises all along: the step
of a VM's start, or of many at once, is none. Memory is bounded whatever the host does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from xenwatch.limits.states import LimitState
from xenwatch.readings.snapshot import Snapshot

SPACING: Final = 60.0
"""Seconds between two points of a series at least."""
WINDOWS: Final = (1800.0, 21600.0)
"""Seconds to look back for a trend: the first window that has one counts."""
MOST_POINTS: Final = 360
"""Points kept of a series: the longest window."""
MOST_INSTANCES: Final = 32
"""Instances followed of a limit, the fullest."""
LEAST_SPAN: Final = 600.0
"""Seconds from the first to the last point without which there is no trend."""
LEAST_INCREASES: Final = 6
LEAST_AGREEMENT: Final = 0.6
"""Pairs of points that rise, less those that fall, as a part of all (Kendall's tau-a)."""
MOST_LOOKED_AT: Final = 60
"""Points of a window that are compared pair by pair."""

Point = tuple[float, int]
"""Unix time in seconds and units used."""
Key = tuple[str, str]
"""Name and instance of a limit."""


@dataclass(frozen=True, slots=True)
class History:
    """The use of limits over time: points by limit and instance, and the slopes seen in them.

    `slopes` are units a second, only of what rises.
    """

    series: Mapping[Key, tuple[Point, ...]] = field(default_factory=dict)
    slopes: Mapping[Key, float] = field(default_factory=dict)

    def updated(self, states: Iterable[LimitState], snapshot: Snapshot) -> History:
        """The history with the readings of a snapshot, whose `states` are as `assess` has them.

        What is no longer there is forgotten, but for limits that could not be read this time.
        """
        series: dict[Key, tuple[Point, ...]] = {}
        slopes: dict[Key, float] = {}
        unread: set[str] = set()
        for state in _followed(states):
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
    """Seconds until each limit's first instance is full, by name; none where there is no trend."""
    found: dict[str, float] = {}
    for state in states:
        rate = history.slopes.get((state.limit.name, state.instance))
        if rate is not None and state.headroom is not None:
            seconds = state.headroom / rate
            found[state.limit.name] = min(seconds, found.get(state.limit.name, seconds))
    return found


def appended(points: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    """The series with one more point, unless that is too near the last one.

    A clock that was set back begins a new series.
    """
    if points and point[0] < points[-1][0]:
        return (point,)
    if points and point[0] < points[-1][0] + SPACING:
        return points
    return (*points[1 - MOST_POINTS :], point)


def slope(points: Sequence[Point]) -> float | None:
    """Units a second by which the newest points rise, `None` where they have no trend."""
    for seconds in WINDOWS:
        window = [point for point in points if point[0] >= points[-1][0] - seconds]
        found = _trend(window)
        if found is not None:
            return found
    return None


def _trend(points: Sequence[Point]) -> float | None:
    if not points or points[-1][0] - points[0][0] < LEAST_SPAN:
        return None
    if sum(after[1] > before[1] for before, after in pairwise(points)) < LEAST_INCREASES:
        return None
    chosen = points[:: -(-len(points) // MOST_LOOKED_AT)]
    third = len(chosen) // 3
    parts = (chosen[:third], chosen[third:-third], chosen[-third:])
    # Every third must rise: a burst of starts that is over leaves one of them flat.
    if any(median(_slopes(part)) <= 0 for part in parts):
        return None
    slopes = _slopes(chosen)
    agreement = sum((slope > 0) - (slope < 0) for slope in slopes) / len(slopes)
    return median(slopes) if agreement >= LEAST_AGREEMENT else None


def _slopes(points: Sequence[Point]) -> list[float]:
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)]


def _followed(states: Iterable[LimitState]) -> list[LimitState]:
    """The states worth following: of limits that can run short, the fullest instances."""
    by_limit: defaultdict[str, list[LimitState]] = defaultdict(list)
    for state in states:
        if state.limit.scarce:
            by_limit[state.limit.name].append(state)
    return [
        state
        for found in by_limit.values()
        for state in sorted(found, key=lambda state: state.ratio or 0, reverse=True)[
            :MOST_INSTANCES
        ]
    ]
