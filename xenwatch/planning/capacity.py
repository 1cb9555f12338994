"""How many more VMs of a shape fit, and which limit stops the next one.

A plan is calculated only from a snapshot and the costs in the table of limits. Unknown values are
reported and never count as headroom.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Final

from xenwatch.display.quantities import INEXHAUSTIBLE
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.limits import LIMITS
from xenwatch.limits.base import BACKEND_DOMID, Cost, Limit, Units
from xenwatch.limits.states import LimitState, remedies
from xenwatch.planning.estimates import Estimate, Learnt
from xenwatch.planning.instances import driver_domain, instance, routed, was_read
from xenwatch.planning.reserve import NONE, Reserve
from xenwatch.planning.shapes import Shape
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.release.release import release
from xenwatch.values import dataclass

Batch = Mapping[Shape, int]
"""VMs that are started together: how many of each shape."""

_NOTHING: Final[Mapping[Shape, Learnt]] = {}


@dataclass(frozen=True, slots=True)
class LimitHeadroom:
    """How often a batch of VMs fits by one limit, or one instance of it.

    `takes` are the units one batch takes, `left` those of headroom beside the reserve, `batches`
    how often the batch fits. `None` means unknown, and `reason` says why. `remedy` gives commands
    and advice for more headroom, best first: made when somebody asks, as few do.
    """

    limit: str
    title: str
    instance: str
    unit: str
    takes: Units | None
    left: int | None
    batches: int | None
    reason: str
    remedy: Callable[[], tuple[str, ...]] = field(default=tuple, compare=False, repr=False)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What gives more headroom, best first; empty where nothing does, or nothing is known."""
        return self.remedy()


@dataclass(frozen=True, slots=True)
class Plan:
    """How often a batch fits, by limit: the scarcest first, unknown ones last.

    `wanted` is how often it must fit, `None` if not requested. `uncounted` are limits of which VMs
    take an unknown amount, each with the reason. `learnt` is what was learnt of the shapes, counted
    where they state nothing, `reserve` what is kept free. `together` is how many of each fit where
    not all of the batch do, `None` if not calculated.
    """

    regime: str | None
    batch: Batch
    wanted: int | None
    headrooms: tuple[LimitHeadroom, ...]
    uncounted: Mapping[str, str]
    learnt: Mapping[Shape, Learnt] = field(default_factory=dict)
    reserve: Reserve = NONE
    together: Batch | None = None

    @property
    def at_most(self) -> int | None:
        """How often the batch fits by the known limits."""
        return min(
            (headroom.batches for headroom in self.headrooms if headroom.batches is not None),
            default=None,
        )

    @property
    def unknown(self) -> tuple[LimitHeadroom, ...]:
        """The limits by which it is unknown how often the batch fits."""
        return tuple(headroom for headroom in self.headrooms if headroom.batches is None)

    @property
    def batches(self) -> int | None:
        """How often the batch fits; `None` if an unknown limit could stop it."""
        return None if self.unknown and self.at_most != 0 else self.at_most

    @property
    def binding(self) -> LimitHeadroom | None:
        """The known limit that stops the next batch."""
        return next((headroom for headroom in self.headrooms if headroom.batches is not None), None)

    @property
    def fits(self) -> bool | None:
        """Whether the batch fits as often as wanted; `None`: not requested, or unknown."""
        if self.wanted is None:
            return None
        if self.at_most is not None and self.at_most < self.wanted:
            return False
        return None if self.unknown or self.at_most is None else True


def fit(
    states: Iterable[LimitState],
    snapshot: Snapshot,
    batch: Batch,
    wanted: int | None = None,
    limits: Sequence[Limit] = LIMITS,
    *,
    learnt: Mapping[Shape, Learnt] = _NOTHING,
    reserve: Reserve = NONE,
    fence: Fence = OPEN,
) -> Plan:
    """How often `batch` fits on the host of `snapshot`, whose `states` are as `assess` has them.

    Limits that the batch takes nothing of, or that do not apply to the host, are left out. Of the
    bridges, the one that `_bridge` chooses counts, unless a shape names one; of the domains, dom0;
    of driver domains, the one that `driver_domain` chooses. What dom0 needs for a VM is what its
    shape states, else what was `learnt` of it.
    """
    regime = release(snapshot).regime
    counted = [(_counted(shape, learnt.get(shape)), count) for shape, count in batch.items()]
    queues, silent = _most_queues(snapshot, counted), unresponsive(snapshot)
    question = _Question(snapshot, regime, counted, wanted, queues, reserve, silent, fence)
    by_limit: defaultdict[str, dict[str, LimitState]] = defaultdict(dict)
    for state in states:
        by_limit[state.limit.name][state.instance] = state
    headrooms = [
        headroom
        for limit in limits
        if limit.costs and _applies(limit, snapshot)
        for headroom in fence(
            Part.PLAN,
            limit.name,
            functools.partial(question.headrooms, limit, by_limit[limit.name]),
            [_unknown(limit, "", BROKEN)],
        )
    ]
    headrooms.sort(key=lambda headroom: (headroom.batches is None, headroom.batches or 0))
    uncounted = {
        limit.name: limit.uncounted
        for limit in limits
        if limit.uncounted and _applies(limit, snapshot)
        if (question.leaves_out(limit) if limit.costs else _may_bind(by_limit[limit.name]))
    }
    known = {shape: learnt[shape] for shape in batch if shape in learnt}
    return Plan(regime, batch, wanted, tuple(headrooms), uncounted, known, reserve)


def fit_each(
    states: Sequence[LimitState],
    snapshot: Snapshot,
    shapes: Iterable[Shape],
    *,
    learnt: Mapping[Shape, Learnt] = _NOTHING,
    reserve: Reserve = NONE,
    fence: Fence = OPEN,
) -> tuple[Plan, ...]:
    """The plan for VMs of each shape alone."""
    return tuple(
        fit_known(states, snapshot, {shape: 1}, learnt=learnt, reserve=reserve, fence=fence)
        for shape in shapes
    )


def fit_known(
    states: Iterable[LimitState],
    snapshot: Snapshot,
    batch: Batch,
    wanted: int | None = None,
    *,
    learnt: Mapping[Shape, Learnt],
    reserve: Reserve,
    fence: Fence,
) -> Plan:
    """`fit`, or a plan by which nothing is known if that raises."""
    broken = (_unknown(limit, "", BROKEN) for limit in LIMITS if limit.costs)
    return fence.either(
        Part.PLAN,
        " ".join(shape.name for shape in batch),
        lambda: fit(states, snapshot, batch, wanted, learnt=learnt, reserve=reserve, fence=fence),
        lambda: Plan(None, batch, wanted, tuple(broken), {}, reserve=reserve),
    )


def _counted(shape: Shape, known: Learnt | None) -> Shape:
    """The shape with the cautious end of what was learnt where it states nothing."""
    if known is None:
        return shape
    return dataclasses.replace(
        shape,
        dom0_memory_bytes=shape.dom0_memory_bytes or _cautious(known.memory),
        tasks=shape.tasks or _cautious(known.tasks),
    )


def _cautious(estimate: Estimate | None) -> int:
    """What a plan counts of an estimate, 0 where it counts none."""
    if estimate is None or not estimate.usable:
        return 0
    return math.ceil(estimate.interval.high)


def units(cost: Cost, shape: Shape, dom0_vcpus: int | None, max_queues: int | None = None) -> Units:
    """What one VM of the shape takes at this cost.

    Disks have as many rings as guest and dom0 have vCPUs for, network interfaces as many queues
    unless the shape says how many, and `max_queues` at most, where netback's is known. If dom0's
    vCPUs are unknown, the guest's count.
    """
    rings = _agreed(shape, dom0_vcpus)
    total = (
        cost.domain
        + cost.vcpu * shape.vcpus
        + (cost.disk + cost.ring * rings) * shape.disks
        + (cost.vif + cost.queue * _queues(shape, dom0_vcpus, max_queues)) * shape.vifs
        + cost.memory * shape.memory_bytes
        + cost.dom0_memory * shape.dom0_memory_bytes
        + cost.tasks * shape.tasks
    )
    return int(total) if total.denominator == 1 else total


def _agreed(shape: Shape, dom0_vcpus: int | None) -> int:
    return shape.vcpus if dom0_vcpus is None else min(shape.vcpus, dom0_vcpus)


def _queues(shape: Shape, dom0_vcpus: int | None, max_queues: int | None) -> int:
    """The queues of a network interface of the shape, see `units`."""
    if max_queues is None:
        return shape.queues or _agreed(shape, dom0_vcpus)
    return min(shape.queues or shape.vcpus, max(1, max_queues))


def unresponsive(snapshot: Snapshot) -> str:
    """Why no VM may start whatever is left: daemons that do not answer. Empty if all do.

    The measure is that of the alerts XenwatchXenstoredUnresponsive and XenwatchXapiUnresponsive.
    """
    path = snapshot.control_path
    names = path.unresponsive if path is not None else ()
    if not names:
        return ""
    return f"{' and '.join(names)} {'does' if len(names) == 1 else 'do'} not answer"


def _may_bind(present: Mapping[str, LimitState]) -> bool:
    """Whether there is an instance that VMs could use up, whatever one takes."""
    headrooms = [state.headroom for state in present.values()]
    return any(headroom is None or headroom < INEXHAUSTIBLE for headroom in headrooms)


def _applies(limit: Limit, snapshot: Snapshot) -> bool:
    outcome = snapshot.outcomes.get(limit.probe)
    absent = outcome is not None and outcome.status is Status.NOT_APPLICABLE
    return limit.everywhere or not absent


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of every limit; `queues` as `_most_queues` counts them.

    `silent` is which daemons do not answer, see `unresponsive`. Remedies are made within `fence`.
    """

    snapshot: Snapshot
    regime: str | None
    batch: Sequence[tuple[Shape, int]]
    wanted: int | None
    queues: int
    reserve: Reserve
    silent: str
    fence: Fence

    def headrooms(self, limit: Limit, present: Mapping[str, LimitState]) -> list[LimitHeadroom]:
        """The headrooms of one limit, one for each instance the batch takes of."""
        if limit.label == BACKEND_DOMID and not driver_domain(self.snapshot):
            if present and self.snapshot.xenstore_devices is None:
                return [_unknown(limit, "", "which domain serves network interfaces is unknown")]
            return []
        taken: dict[str, Units] = {}
        ones: dict[str, Units] = {}
        for shape, count in self.batch:
            cost = _cost(limit, self.regime, shape)
            if cost is None and not present and was_read(limit, self.snapshot):
                return []  # a 64-bit dom0 has no low memory, and no cost is known for it
            if cost is None:
                return [
                    _unknown(limit, "", f"the cost of a {shape.type} VM is unknown on this host")
                ]
            amount = count * self._units(limit, cost, shape)
            if amount and not routed(limit, present, shape, self.snapshot):
                name = instance(limit, present, shape, self.snapshot)
                taken[name] = taken.get(name, 0) + amount
                ones[name] = max(
                    ones.get(name, 0), amount if count == 1 else amount / Fraction(count)
                )
        return [
            self._headroom(limit, name, present.get(name), taken[name], ones[name])
            for name in taken
        ]

    def leaves_out(self, limit: Limit) -> bool:
        """Whether a shape of the batch does not say what it takes of the limit."""
        found = ((_cost(limit, self.regime, shape), shape) for shape, _ in self.batch)
        return any(
            cost is not None and not self._units(limit, cost, shape) for cost, shape in found
        )

    def _units(self, limit: Limit, cost: Cost, shape: Shape) -> Units:
        if limit.label == BACKEND_DOMID:
            return units(cost, shape, vcpus_online(self.snapshot, driver_domain(self.snapshot)))
        return _in_dom0(self.snapshot, cost, shape)

    def _headroom(
        self, limit: Limit, instance: str, state: LimitState | None, takes: Units, one: Units
    ) -> LimitHeadroom:
        if state is None or state.used is None or state.headroom is None or state.max is None:
            return _unknown(limit, instance, _reason(limit, instance, state, self.snapshot), takes)
        kept = self.reserve.units(one, state.max.value)
        left = max(0, state.headroom - kept)
        batches = int(left // takes)
        doubt = self.silent or limit.doubt(self.snapshot)
        if doubt and batches:
            return _unknown(limit, instance, doubt, takes)
        needed = state.used + kept + takes * (self.wanted or 0)
        return LimitHeadroom(
            limit.name,
            limit.title,
            instance,
            limit.unit,
            takes,
            left,
            batches,
            "",
            functools.partial(self._remedies, state, math.ceil(needed)),
        )

    def _remedies(self, state: LimitState, needed: int) -> tuple[str, ...]:
        work = functools.partial(remedies, state, self.snapshot, needed, self.queues)
        return self.fence(Part.PLAN, state.limit.name, work, ())


def _in_dom0(snapshot: Snapshot, cost: Cost, shape: Shape) -> Units:
    return units(cost, shape, vcpus_online(snapshot), _max_queues(snapshot))


def _max_queues(snapshot: Snapshot) -> int | None:
    return snapshot.host.netback_queues if snapshot.host is not None else None


def _most_queues(snapshot: Snapshot, batch: Sequence[tuple[Shape, int]]) -> int:
    """The most queues that a network interface of the batch has, 0 if it has none."""
    dom0_vcpus, most = vcpus_online(snapshot), _max_queues(snapshot)
    return max(_queues(shape, dom0_vcpus, most) if shape.vifs else 0 for shape, _ in batch)


def _cost(limit: Limit, regime: str | None, shape: Shape) -> Cost | None:
    by_type = limit.costs.get(regime or "", {})
    firmware = by_type.get(f"{shape.type}-uefi") if shape.uefi else None
    return firmware or by_type.get(shape.type)


def vcpus_online(snapshot: Snapshot, domid: int = 0) -> int | None:
    """The vCPUs a domain has online, `None` where that could not be read."""
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    return next((domain.vcpus_online for domain in domains if domain.domid == domid), None)


def _unknown(limit: Limit, instance: str, reason: str, takes: Units | None = None) -> LimitHeadroom:
    return LimitHeadroom(limit.name, limit.title, instance, limit.unit, takes, None, None, reason)


def _reason(limit: Limit, instance: str, state: LimitState | None, snapshot: Snapshot) -> str:
    outcome = snapshot.outcomes.get(limit.probe)
    if state is not None and state.used is not None:
        return "max unknown"
    if state is not None and was_read(limit, snapshot):
        return BROKEN
    if outcome is not None and outcome.status is not Status.OK:
        return f"probe {limit.probe}: {outcome.detail or outcome.status.value}"
    if instance:
        return f"no {limit.label} {instance}"
    return f"probe {limit.probe} found nothing to read"
