"""When a limit will be full, from the trend of its use, if there is one.

A trend is estimated by Theil-Sen (the median slope of all pairs of points; Sen, Journal
of the American Statistical Association 63, 1968), and only if use rises throughout: the step of
one VM start, or of many at once, is not a trend, and one that has stopped rising has ended. Use
that rises only because VMs arrive, as in an evacuation of another host, counts only if the end is
near and the limit at its warning threshold: nobody can know how many more will come. Memory is
bounded.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.states import LimitInstance, LimitState, Severity
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
REST: Final = 2
"""A trend has ended when use has not risen for this many times its longest pause between rises."""
MIN_PAIRS: Final = 20
"""Min pairs of points without a VM more that show whether use rises by itself."""
NEAR: Final = 900.0
"""Use that rises only with the VMs is forecast if the limit is exhausted within these seconds."""

_RAISED: Final = float("nan")

Point = tuple[float, int]
"""An instant and the units used then."""


@dataclass(frozen=True, slots=True)
class History:
    """The use of limits over time: points by limit and instance, and the slopes seen in them.

    `slopes` are units per second, only of rising series. `vms` is the number of living domains, and
    `arriving` the series that rise only with it. `unknown` are those whose trend raised.
    """

    series: Mapping[LimitInstance, tuple[Point, ...]] = field(default_factory=dict)
    slopes: Mapping[LimitInstance, float] = field(default_factory=dict)
    vms: tuple[Point, ...] = ()
    arriving: frozenset[LimitInstance] = frozenset()
    unknown: frozenset[LimitInstance] = frozenset()

    def updated(
        self, states: Iterable[LimitState], snapshot: Snapshot, fence: Fence = OPEN
    ) -> History:
        """The history with the readings of a snapshot, whose `states` are as `assess` has them.

        Instances that are gone are dropped, except those of limits that could not be read.
        """
        series: dict[LimitInstance, tuple[Point, ...]] = {}
        slopes: dict[LimitInstance, float] = {}
        unread: set[str] = set()
        arriving: set[LimitInstance] = set()
        unknown: set[LimitInstance] = set()
        vms = _counted(self.vms, snapshot)
        for state in _tracked(states):
            key = (state.limit.name, state.instance)
            outcome = snapshot.outcomes.get(state.limit.probe)
            before = self.series.get(key, ())
            if state.used is None or outcome is None:
                unread.add(state.limit.name)
                continue
            now = appended(before, (outcome.instant, state.used))
            series[key] = now
            found: tuple[float | None, bool] | None
            if now is not before:
                trend = functools.partial(_trend_with_vms, now, vms)
                found = fence(Part.FORECAST, state.limit.name, trend, None)
            else:
                found = self.slopes.get(key), key in self.arriving
                found = None if key in self.unknown else found
            if found is None:
                unknown.add(key)
                continue
            rate, arrives = found
            if rate is not None:
                slopes[key] = rate
                if arrives:
                    arriving.add(key)
        for key in self.series:
            if key[0] in unread:
                series[key] = self.series[key]
        return History(series, slopes, vms, frozenset(arriving), frozenset(unknown))


def forecast(
    history: History, states: Iterable[LimitState], fence: Fence = OPEN
) -> tuple[dict[str, float], frozenset[str]]:
    """Seconds until each limit's first instance is full, by name; absent without a trend.

    The second are the limits of which that is unknown, as a part of their forecast raised.
    """
    found: dict[str, float] = {}
    unknown = {name for name, _ in history.unknown}
    for state in states:
        name, end = state.limit.name, functools.partial(_seconds_to_full, history, state)
        seconds = fence(Part.FORECAST, name, end, _RAISED)
        if seconds is _RAISED:
            unknown.add(name)
        elif seconds is not None:
            found[name] = min(seconds, found.get(name, seconds))
    return found, frozenset(unknown)


def _seconds_to_full(history: History, state: LimitState) -> float | None:
    key = (state.limit.name, state.instance)
    rate = history.slopes.get(key)
    if rate is None or state.headroom is None:
        return None
    seconds = state.headroom / rate
    if key in history.arriving and (seconds > NEAR or state.severity is Severity.OK):
        return None
    return seconds


def appended(points: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    """The series with one more point, unless it is too close to the last one."""
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


def with_vms(points: Sequence[Point], vms: Sequence[Point]) -> bool:
    """Whether the newest points rise with the number of VMs, and not while that stays."""
    times = [time for time, _ in vms]
    window = [point for point in points if point[0] >= points[-1][0] - WINDOWS[0]]
    counts = [bisect_right(times, time + SPACING / 2) for time, _ in window]
    if not counts or not counts[0]:
        return False
    there = [vms[place - 1][1] for place in counts]
    if there[-1] <= there[0]:
        return False
    rises = [
        later[1] > earlier[1]
        for (earlier, few), (later, many) in combinations(zip(window, there, strict=True), 2)
        if many <= few
    ]
    return len(rises) < MIN_PAIRS or 2 * sum(rises) <= len(rises)


def _trend_with_vms(points: Sequence[Point], vms: Sequence[Point]) -> tuple[float | None, bool]:
    """The slope of the newest points, and whether they rise with the number of VMs alone."""
    rate = slope(points)
    return rate, rate is not None and with_vms(points, vms)


def _counted(vms: tuple[Point, ...], snapshot: Snapshot) -> tuple[Point, ...]:
    """The number of VMs over time, with that of a snapshot if it was read."""
    outcome = snapshot.outcomes.get("domains")
    if snapshot.domains is None or outcome is None:
        return vms
    return appended(vms, (outcome.instant, sum(each.alive for each in snapshot.domains.domains)))


def _rests(points: Sequence[Point]) -> bool:
    """Whether the last rise is `REST` times longer ago than the last rises were apart."""
    rises, high = [points[0][0]], points[0][1]
    for time, used in points:
        if used > high:
            rises.append(time)
            high = used
    pauses = [after - before for before, after in pairwise(rises)]
    return points[-1][0] - rises[-1] > REST * max(pauses[-MIN_INCREASES:], default=0.0)


def _trend(points: Sequence[Point]) -> float | None:
    if not points or points[-1][0] - points[0][0] < MIN_SPAN:
        return None
    if sum(after[1] > before[1] for before, after in pairwise(points)) < MIN_INCREASES:
        return None
    if _rests(points):
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
