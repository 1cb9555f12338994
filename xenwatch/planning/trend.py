"""Whether points rise steadily, and how fast.

The rate is the median slope of all pairs of points (Theil-Sen), its ends those of Sen's confidence
interval (Journal of the American Statistical Association 63, 1968), wider where what is left of the
points beside the line depends on what was left before: then there are fewer points than it seems.

Use is a trend only if it rises throughout, as fast in each part as in all: the step of one VM
start, or of many at once, is none, and one that has stopped rising has ended. Nor is it one while
it rises through what it has gradually come down from before: that is the rhythm of a day.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import combinations, pairwise
from statistics import fmean, median
from typing import Final

from xenwatch.values import dataclass

SPACING: Final = 60.0
"""Min seconds between two points of a series."""
WINDOWS: Final = (1800.0, 21600.0)
"""Windows in seconds to search for a trend."""
MAX_POINTS: Final = 360
"""Max points kept per series: those of the longest window."""
HOUR: Final = 3600.0
MAX_HOURS: Final = 49
"""Max points kept of a series an hour apart: two days."""
MIN_SPAN: Final = 600.0
"""Min seconds from the first to the last point of a trend."""
MIN_INCREASES: Final = 6
MIN_AGREEMENT: Final = 0.6
"""Min ratio of rising minus falling pairs of points to all pairs (Kendall's tau-a)."""
MIN_SHARE: Final = 0.3
"""Min ratio of the rate of each third of a trend to that of all of it."""
MAX_COMPARED: Final = 60
"""Max points of a window that are compared in pairs."""
MOST_STEPS: Final = 1 / 6
"""Max share of points with another number of VMs than the one before, that are steps in a trend."""
REST: Final = 2
"""A trend has ended when use has not risen for this many times its longest pause between rises."""
LATEST: Final = 10
"""Points that tell where use is now."""
WIDEST: Final = 1.33
"""Max ratio of the bounds of the rate: less certain forecasts are not made."""
GRADUAL: Final = 0.6
"""Max share of one hour in a fall that is gradual: a restart falls at once."""
MARGIN: Final = 0.1
"""Share of the fall by which a rise must exceed an earlier peak to be another one."""
_Z: Final = 1.645
"""Standard deviations of a normal distribution that 5 % are above."""
_MAD: Final = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation."""
_MEDIAN: Final = 1.2533
"""How much larger the standard error of a median is than that of a mean."""

Point = tuple[float, int]
"""An instant and the units used then."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A steady rise in units per second: `rate`, and its ends, each with 95 % on one side.

    `excess` is by how much the last point is above where use is, `doubt` how far off that may be;
    `faster` is whether use is above all that the trend was before.
    """

    slow: float
    rate: float
    fast: float
    excess: float = 0.0
    doubt: float = 0.0
    faster: bool = False


def appended(
    points: tuple[Point, ...], point: Point, spacing: float = SPACING, most: int = MAX_POINTS
) -> tuple[Point, ...]:
    """The series with one more point, unless it is too close to the last one."""
    if points and point[0] < points[-1][0] + spacing:
        return points
    return (*points[1 - most :], point)


def trend(
    points: Sequence[Point], hours: Sequence[Point] = (), vms: Sequence[Point] = ()
) -> Trend | None:
    """How the newest points rise, `None` if they are no trend.

    That of the longest window, unless use has risen faster lately. `hours` are points
    from before, farther apart; `vms` is how many VMs there were.
    """
    found: Trend | None = None
    for seconds in WINDOWS:
        since = points[-1][0] - seconds if points else 0.0
        window = [point for point in points if point[0] >= since]
        longer = _trend(_without_steps(window, vms))
        if longer is None or (found is not None and longer.faster):
            continue
        before = [point for point in points if point[0] < since]
        oldest = before[0][0] if before else since
        if _returns([*(point for point in hours if point[0] < oldest), *before], window):
            return None
        found = longer
    return found


def _returns(before: Sequence[Point], window: Sequence[Point]) -> bool:
    """Whether use was as high before as it is now, and gradually came down from there."""
    if not before:
        return False
    highest = max(range(len(before)), key=lambda place: before[place][1])
    after = [used for _, used in (*before[highest:], *window)]
    bottom = min(range(len(after)), key=after.__getitem__)
    fall = after[0] - after[bottom]
    steepest = max((was - now for was, now in pairwise(after[: bottom + 1])), default=0)
    return after[-1] < after[0] + MARGIN * fall and steepest <= GRADUAL * fall


def vms_at(points: Sequence[Point], vms: Sequence[Point]) -> list[int | None]:
    """How many VMs there were at each of these points, `None` before that is known."""
    times = [time for time, _ in vms]
    places = (bisect_right(times, time + SPACING / 2) for time, _ in points)
    return [vms[place - 1][1] if place else None for place in places]


def _without_steps(points: Sequence[Point], vms: Sequence[Point]) -> Sequence[Point]:
    """The points without what VMs took or gave back that came or went now and then.

    Where they do so all the time nothing is taken out: that is what makes use rise.
    """
    pairs = list(pairwise(zip(points, vms_at(points, vms), strict=True)))
    steady = [before == after for (_, before), (_, after) in pairs]
    if all(steady) or steady.count(False) > MOST_STEPS * len(steady):
        return points
    rates = [
        (after[1] - before[1]) / (after[0] - before[0])
        for ((before, _), (after, _)), same in zip(pairs, steady, strict=True)
        if same
    ]
    usual, shift, found = median(rates), 0, [points[-1]]
    for ((before, _), (after, _)), same in zip(reversed(pairs), reversed(steady), strict=True):
        if not same:
            shift += after[1] - before[1] - round(usual * (after[0] - before[0]))
        found.append((before[0], before[1] + shift))
    return found[::-1]


def _trend(points: Sequence[Point]) -> Trend | None:
    if not points or points[-1][0] - points[0][0] < MIN_SPAN:
        return None
    if sum(after[1] > before[1] for before, after in pairwise(points)) < MIN_INCREASES:
        return None
    if _rests(points):
        return None
    chosen = points[:: -(-len(points) // MAX_COMPARED)]
    slopes = sorted(_slopes(chosen))
    rate = median(slopes)
    if sum((slope > 0) - (slope < 0) for slope in slopes) < MIN_AGREEMENT * len(slopes):
        return None
    third = len(chosen) // 3
    parts = (chosen[:third], chosen[third:-third], chosen[-third:])
    # Every third must rise: after a burst of starts one of them is flat.
    if any(median(_slopes(part)) < MIN_SHARE * rate for part in parts):
        return None
    return _with_ends(points, chosen, slopes, rate)


def _with_ends(
    points: Sequence[Point], chosen: Sequence[Point], slopes: Sequence[float], rate: float
) -> Trend | None:
    """The trend of that rate; `None` where it has ended, or is too uncertain."""
    line = median(used - rate * time for time, used in chosen)
    count = min(LATEST, len(points) // 3)
    latest = [used - rate * time - line for time, used in points[-count:]]
    beside = [used - rate * time - line for time, used in chosen]
    level = median(latest)
    earlier = [
        left for (time, _), left in zip(chosen, beside, strict=True) if time < points[-count][0]
    ]
    if level < min(earlier) - 1:
        return None
    slow, fast = _ends(slopes, len(chosen), _dependence(beside))
    if slow <= 0 or fast > WIDEST * slow:
        return None
    spread = _MAD * median(abs(left - median(beside)) for left in beside)
    doubt = _Z * _MEDIAN * spread / math.sqrt(count)
    return Trend(slow, rate, fast, latest[-1] - level, doubt, level > max(earlier) + 1)


def _ends(slopes: Sequence[float], count: int, dependence: float) -> tuple[float, float]:
    """The ends of the median of these sorted slopes between so many points."""
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18 * dependence)
    aside = min(_Z * deviation, len(slopes)) / 2
    low = math.floor(len(slopes) / 2 - aside)
    high = math.ceil(len(slopes) / 2 + aside)
    return slopes[max(0, low)], slopes[min(len(slopes) - 1, high)]


def _dependence(beside: Sequence[float]) -> float:
    """How many of these values say as much as one independent one, by their autocorrelation."""
    mean = fmean(beside)
    total = sum((left - mean) ** 2 for left in beside)
    if not total:
        return 1.0
    alike = sum((before - mean) * (after - mean) for before, after in pairwise(beside)) / total
    alike += (1 + 4 * alike) / len(beside)  # of few values it comes out too low
    alike = min(max(alike, 0.0), 0.9)
    return (1 + alike) / (1 - alike)


def _rests(points: Sequence[Point]) -> bool:
    """Whether the last rise is `REST` times longer ago than the last rises were apart."""
    rises, high = [points[0][0]], points[0][1]
    for time, used in points:
        if used > high:
            rises.append(time)
            high = used
    pauses = [after - before for before, after in pairwise(rises)]
    return points[-1][0] - rises[-1] > REST * max(pauses[-MIN_INCREASES:], default=0.0)


def _slopes(points: Sequence[Point]) -> list[float]:
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)]
