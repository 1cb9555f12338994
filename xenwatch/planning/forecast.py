"""When a limit will be full, from the trend of its use, if there is one.

Use that rises only because VMs arrive, as in an evacuation of another host, counts only if the end
is near and the limit at its warning threshold: nobody can know how many more will come. Memory is
bounded.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from itertools import combinations
from typing import Final

from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.states import LimitInstance, LimitState, Severity
from xenwatch.planning.trend import (
    HOUR,
    MAX_HOURS,
    WINDOWS,
    Point,
    Trend,
    appended,
    trend,
    vms_at,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass

MAX_INSTANCES: Final = 32
"""Max instances tracked per limit, the fullest ones."""
MIN_PAIRS: Final = 20
"""Min pairs of points without a VM more that show whether use rises by itself."""
NEAR: Final = 900.0
"""Use that rises only with the VMs is forecast if the limit is exhausted within these seconds."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds until a limit is full, and between which ends, each with 95 % on one side."""

    seconds: float
    soonest: float
    latest: float


_RAISED: Final = Forecast(0.0, 0.0, 0.0)
"""In place of a forecast that raised; told from others by its identity."""


@dataclass(frozen=True, slots=True)
class History:
    """The use of limits over time: points by limit and instance, and the trends seen in them.

    `hours` are points an hour apart, of two days. `vms` is the number of living domains, and
    `arriving` the series that rise only with it. `unknown` are those whose trend raised.
    """

    series: Mapping[LimitInstance, tuple[Point, ...]] = field(default_factory=dict)
    trends: Mapping[LimitInstance, Trend] = field(default_factory=dict)
    vms: tuple[Point, ...] = ()
    arriving: frozenset[LimitInstance] = frozenset()
    hours: Mapping[LimitInstance, tuple[Point, ...]] = field(default_factory=dict)
    unknown: frozenset[LimitInstance] = frozenset()

    def updated(
        self, states: Iterable[LimitState], snapshot: Snapshot, fence: Fence = OPEN
    ) -> History:
        """The history with the readings of a snapshot, whose `states` are as `assess` has them.

        Instances that are gone are dropped, except those of limits that could not be read.
        """
        series: dict[LimitInstance, tuple[Point, ...]] = {}
        hours: dict[LimitInstance, tuple[Point, ...]] = {}
        trends: dict[LimitInstance, Trend] = {}
        unread: set[str] = set()
        arriving: set[LimitInstance] = set()
        unknown: set[LimitInstance] = set()
        vms = _counted(self.vms, snapshot)
        for state in _tracked(states, unknown, fence):
            key = (state.limit.name, state.instance)
            outcome = snapshot.outcomes.get(state.limit.probe)
            before = self.series.get(key, ())
            if state.used is None or outcome is None:
                unread.add(state.limit.name)
                continue
            point = (outcome.instant, state.used)
            now = series[key] = appended(before, point)
            hours[key] = appended(self.hours.get(key, ()), point, HOUR, MAX_HOURS)
            seen: tuple[Trend | None, bool] | None
            if now is not before:
                see = functools.partial(_trend_with_vms, now, hours[key], vms)
                seen = fence(Part.FORECAST, state.limit.name, see, None)
            else:
                seen = self.trends.get(key), key in self.arriving
                seen = None if key in self.unknown else seen
            if seen is None:
                unknown.add(key)
                continue
            found, arrives = seen
            if found is not None:
                trends[key] = found
                if arrives:
                    arriving.add(key)
        for key in self.series:
            if key[0] in unread:
                series[key], hours[key] = self.series[key], self.hours.get(key, ())
        return History(series, trends, vms, frozenset(arriving), hours, frozenset(unknown))


def forecast(
    history: History, states: Iterable[LimitState], fence: Fence = OPEN
) -> tuple[dict[str, Forecast], frozenset[str]]:
    """When each limit's first instance is full, by name; absent without a trend.

    The second are the limits of which that is unknown, as a part of their forecast raised.
    """
    found: dict[str, Forecast] = {}
    unknown = {name for name, _ in history.unknown}
    for state in states:
        name = state.limit.name
        seen = history.trends.get((name, state.instance))
        if seen is None:  # as nearly all of them
            continue
        full = fence(Part.FORECAST, name, functools.partial(_full, history, state, seen), _RAISED)
        if full is _RAISED:
            unknown.add(name)
        elif full is not None and (name not in found or full.seconds < found[name].seconds):
            found[name] = full
    return found, frozenset(unknown)


def _full(history: History, state: LimitState, seen: Trend) -> Forecast | None:
    if state.headroom is None:
        return None
    full = expected(seen, state.headroom)
    arrives = (state.limit.name, state.instance) in history.arriving
    if arrives and (full.seconds > NEAR or state.severity is Severity.OK):
        return None
    return full


def expected(seen: Trend, headroom: int) -> Forecast:
    """When this headroom is used up by a trend."""
    if headroom <= 0:
        return Forecast(0.0, 0.0, 0.0)
    left = headroom + seen.excess
    return Forecast(
        max(0.0, left / seen.rate),
        max(0.0, (left - seen.doubt) / seen.fast),
        max(0.0, (left + seen.doubt) / seen.slow),
    )


def with_vms(points: Sequence[Point], vms: Sequence[Point]) -> bool:
    """Whether the newest points rise with the number of VMs, and not while that stays."""
    window = [point for point in points if point[0] >= points[-1][0] - WINDOWS[0]]
    there = [count for count in vms_at(window, vms) if count is not None]
    if len(there) < len(window) or there[-1] <= there[0]:
        return False
    rises = [
        later[1] > earlier[1]
        for (earlier, few), (later, many) in combinations(zip(window, there, strict=True), 2)
        if many <= few
    ]
    return len(rises) < MIN_PAIRS or 2 * sum(rises) <= len(rises)


def _trend_with_vms(
    points: Sequence[Point], hours: Sequence[Point], vms: Sequence[Point]
) -> tuple[Trend | None, bool]:
    """The trend of the newest points, and whether they rise with the number of VMs alone."""
    found = trend(points, hours, vms)
    return found, found is not None and with_vms(points, vms)


def _counted(vms: tuple[Point, ...], snapshot: Snapshot) -> tuple[Point, ...]:
    """The number of VMs over time, with that of a snapshot if it was read."""
    outcome = snapshot.outcomes.get("domains")
    if snapshot.domains is None or outcome is None:
        return vms
    return appended(vms, (outcome.instant, sum(each.alive for each in snapshot.domains.domains)))


def _tracked(
    states: Iterable[LimitState], unknown: set[LimitInstance], fence: Fence
) -> list[LimitState]:
    """The states to track: the fullest instances of scarce limits.

    A limit whose instances cannot be compared is added to the `unknown` ones.
    """
    by_limit: defaultdict[str, list[LimitState]] = defaultdict(list)
    for state in states:
        if state.limit.scarce:
            by_limit[state.limit.name].append(state)
    tracked: list[LimitState] = []
    for name, found in by_limit.items():
        fullest = fence(Part.FORECAST, name, functools.partial(_fullest, found), None)
        if fullest is None:
            unknown.add((name, ""))
        tracked += fullest or []
    return tracked


def _fullest(states: Iterable[LimitState]) -> list[LimitState]:
    return sorted(states, key=lambda state: state.ratio or 0, reverse=True)[:MAX_INSTANCES]
