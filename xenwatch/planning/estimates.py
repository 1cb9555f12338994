"""What a VM of a shape takes of dom0's memory and tasks, estimated from what was learnt.

Its own processes: where the next VM's will be, from those of the VMs seen. The rest: by how much
that rose or fell from one period to a later one whose VMs differ in this kind alone, for each VM
more or fewer. All pairs of periods count, by the number of VMs, and the noise of one reading is
divided by the largest such number.

Where no VM of the kind was seen to come or go, the rest of each is somewhere between nothing and an
equal part of all that dom0 uses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from xenwatch.planning.learning import Kind, Learning, Period, Rest
from xenwatch.planning.prediction import FEWEST, Interval, next_value, weighted
from xenwatch.planning.shapes import Shape
from xenwatch.values import dataclass

HORIZON: Final = 6 * 3600.0
"""Most seconds from the end of a period to the start of one it is compared with: dom0 changes."""
PAIRS: Final = 6
"""Pairs of periods that are enough, if no two differ by `FEWEST` VMs: three restarts of one."""
WIDEST: Final = 3.0
"""An estimate of the rest without changes is used if `high` is at most so many times `low`."""
QUIET: Final[Mapping[str, float]] = {"memory": 1 << 20, "tasks": 1}
"""The least noise of one reading: free pages that CPUs keep, a process that comes and goes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one more VM takes. `complete` is whether VMs were seen to come or go."""

    interval: Interval
    complete: bool

    @property
    def usable(self) -> bool:
        """Whether a plan counts it: an upper bound far above what is known is no estimate."""
        return self.complete or self.interval.high <= WIDEST * self.interval.low


@dataclass(frozen=True, slots=True)
class Learnt:
    """What VMs of a shape take of dom0, learnt from this many of them, `None` where unknown.

    `memory` is in bytes. `carried` is whether it was learnt on another host.
    """

    vms: int
    memory: Estimate | None
    tasks: Estimate | None
    carried: bool = False


def learnt(shape: Shape, own: Learning, carried: Learning | None = None) -> Learnt | None:
    """The best estimate for VMs of a shape; `None` where fewer than `FEWEST` were seen.

    What was learnt on this host while VMs came and went is best, then what was `carried` from
    another one of the same regime, then what only running VMs have taught here.
    """
    found = [_learnt(shape, own, carried=False)]
    if carried is not None and carried.regime == own.regime:
        found.append(_learnt(shape, carried, carried=True))
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: one.memory is not None and one.memory.complete, default=None)


def _learnt(shape: Shape, learning: Learning, *, carried: bool) -> Learnt | None:
    kind = Kind(shape.type, shape.vcpus, shape.disks, shape.vifs)
    uses = learning.vms.get(kind, {}).values()
    if len(uses) < FEWEST or shape.queues:
        return None
    memory = [(period, period.memory) for period in learning.periods if period.memory.first]
    tasks = [(period, period.tasks) for period in learning.periods if period.tasks.first]
    return Learnt(
        len(uses),
        _estimate(kind, [use.memory_bytes for use in uses], memory, QUIET["memory"]),
        _estimate(kind, [use.tasks for use in uses], tasks, QUIET["tasks"]),
        carried,
    )


Rests = Sequence[tuple[Period, Rest]]


def _estimate(kind: Kind, own: Sequence[int], rests: Rests, quiet: float) -> Estimate | None:
    if not rests:
        return None
    rest = _by_changes(kind, rests, quiet)
    complete = rest is not None
    return Estimate(next_value(own).plus(rest or _by_bound(kind, rests)), complete)


def _by_changes(kind: Kind, rests: Rests, quiet: float) -> Interval | None:
    """The rest of one VM from periods that differ in this kind alone; `None` where too few do."""
    alike: defaultdict[object, list[tuple[Period, Rest]]] = defaultdict(list)
    for period, rest in rests:
        others = frozenset(item for item in period.counts.items() if item[0] != kind)
        alike[period.run, others].append((period, rest))
    slopes = [slope for group in alike.values() for slope in _slopes(kind, group)]
    if not slopes:
        return None
    most = max(vms for _, vms in slopes)
    if most < FEWEST and len(slopes) < PAIRS:
        return None
    noise = max(quiet, *(_swing(rest) for _, rest in rests)) / most
    found = weighted(slopes)
    return Interval(found.low - noise, found.median, found.high + noise)


def _slopes(kind: Kind, group: Rests) -> Iterable[tuple[float, float]]:
    """Change for each VM more or fewer, and their number, of every two periods near enough."""
    for (before, was), (after, now) in combinations(group, 2):
        more = after.counts.get(kind, 0) - before.counts.get(kind, 0)
        if more and after.start - before.end <= HORIZON:
            yield (median(now.first) - median(was.latest)) / more, abs(more)


def _by_bound(kind: Kind, rests: Rests) -> Interval:
    """The rest of one VM as far as it is bounded: by all there is, or by what came with others.

    Where VMs of several kinds came at once, all of what came may be this kind's; the median takes
    it to be shared equally.
    """
    shares, bounds = [], []
    for (before, was), (after, now) in pairwise(rests):
        more = {
            other: after.counts.get(other, 0) - before.counts.get(other, 0)
            for other in {*after.counts, *before.counts}
        }
        near = before.run == after.run and after.start - before.end <= HORIZON
        if near and min(more.values()) >= 0 and more.get(kind, 0) >= FEWEST:
            came = max(0.0, median(now.first) - median(was.latest))
            shares.append(came / sum(more.values()))
            bounds.append((came + _swing(was) + _swing(now)) / more[kind])
    if bounds:
        return Interval(0.0, median(shares), max(bounds))
    most = [
        max(rest.first + rest.latest) / period.counts[kind]
        for period, rest in rests
        if period.counts.get(kind)
    ]
    return Interval(0.0, 0.0, min(most, default=0.0))


def _swing(rest: Rest) -> float:
    """By how much readings differ while the same VMs run."""
    return max(max(values) - min(values) for values in (rest.first, rest.latest))
