"""From a snapshot to the state of every limit: a pure function of readings and thresholds."""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Mapping

from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Max, Shortage, Thresholds
from xenwatch.limits.thresholds import reached
from xenwatch.readings.noted import NotedSnapshot, are_same
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.values import dataclass


class Severity(enum.Enum):
    """How close to exhaustion a limit is. Unknown: the reading or the max is missing."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


LimitInstance = tuple[str, str]
"""Name of a limit, and its instance."""


@dataclass(frozen=True, slots=True)
class LimitState:
    """The current state of one instance of a limit; `None` means unknown."""

    limit: Limit
    instance: str
    used: int | None
    max: Max | None
    thresholds: Thresholds

    @property
    def ratio(self) -> float | None:
        """Used part of the max, 0 to 1 (over 1 where the max was lowered under use)."""
        if self.used is None or self.max is None:
            return None
        return self.used / self.max.value if self.max.value > 0 else 1.0

    @property
    def headroom(self) -> int | None:
        """Units of headroom, never negative."""
        if self.used is None or self.max is None:
            return None
        return max(0, self.max.value - self.used)

    @property
    def severity(self) -> Severity:
        """The highest threshold the ratio has reached."""
        return severity(self.ratio, self.thresholds)


def severity(ratio: float | None, thresholds: Thresholds) -> Severity:
    """The highest threshold a used ratio has reached."""
    if ratio is None:
        return Severity.UNKNOWN
    if reached(ratio, thresholds.critical):
        return Severity.CRITICAL
    if reached(ratio, thresholds.warning):
        return Severity.WARNING
    return Severity.OK


@dataclass(frozen=True, slots=True)
class LimitStates:
    """The states of a limit's instances under these thresholds.

    `inputs` are the fields of the snapshot they were made of, `None` if they are not to be kept.
    """

    states: list[LimitState]
    thresholds: Thresholds
    inputs: Mapping[str, object] | None = None

    def holds(self, snapshot: Snapshot, thresholds: Thresholds) -> bool:
        """Whether this snapshot would yield the same states."""
        is_kept = self.inputs is not None and are_same(self.inputs, snapshot)
        return is_kept and self.thresholds == thresholds


def assess(
    snapshot: Snapshot,
    thresholds: Mapping[str, Thresholds] | None = None,
    limits: Iterable[Limit] = LIMITS,
    fence: Fence = OPEN,
) -> tuple[LimitState, ...]:
    """The state of every limit's every instance, in the table's order; see `assess_limits`."""
    by_limit = assess_limits(snapshot, thresholds, limits, fence)
    return every_state(by_limit)


def every_state(limits: Mapping[str, LimitStates]) -> tuple[LimitState, ...]:
    """The states of these limits, in their order."""
    return tuple(state for found in limits.values() for state in found.states)


def assess_limits(
    snapshot: Snapshot,
    thresholds: Mapping[str, Thresholds] | None = None,
    limits: Iterable[Limit] = LIMITS,
    fence: Fence = OPEN,
    before: Mapping[str, LimitStates] | None = None,
) -> dict[str, LimitStates]:
    """The states of each limit by its name, in the table's order.

    `thresholds` overrides the table's by name of limit. A limit whose probe failed yields one
    unknown state under instance "", as does one that raises; one that does not apply or is off
    yields none. Those of the pass `before` are kept where they are made of the same readings.
    """
    found: dict[str, LimitStates] = {}
    noted: set[str] = set()
    noting = NotedSnapshot.of(snapshot, noted)
    for limit in limits:
        bounds = (thresholds or {}).get(limit.name, limit.thresholds)
        outcome = snapshot.outcomes.get(limit.probe)
        if outcome is None or outcome.status in (Status.NOT_APPLICABLE, Status.DISABLED):
            continue
        failed = outcome.status is Status.FAILED
        earlier = None if failed else (before or {}).get(limit.name)
        if earlier is not None and earlier.holds(snapshot, bounds):
            found[limit.name] = earlier
            continue
        unknown = [LimitState(limit, "", None, None, bounds)]
        if failed:
            found[limit.name] = LimitStates(unknown, bounds)
            continue
        noted.clear()
        make = functools.partial(_states, limit, noting, bounds, fence)
        made, is_whole = fence(Part.LIMIT, limit.name, make, (unknown, False))
        inputs = {name: getattr(snapshot, name) for name in noted} if is_whole else None
        found[limit.name] = LimitStates(made, bounds, inputs)
    return found


def _states(
    limit: Limit, snapshot: Snapshot, bounds: Thresholds, fence: Fence
) -> tuple[list[LimitState], bool]:
    """The states of a limit that was read, and whether nothing raised.

    What is used is known where the max is not.
    """
    used = limit.used(snapshot)
    maxima = fence(Part.LIMIT, limit.name, lambda: limit.max(snapshot), None)
    known: Mapping[str, Max] = maxima or {}
    states = [
        LimitState(limit, instance, value, known.get(instance), bounds)
        for instance, value in used.items()
    ]
    return states, maxima is not None


def unread(state: LimitState) -> LimitState:
    """The state of the same instance if nothing of it were known."""
    return LimitState(state.limit, state.instance, None, None, state.thresholds)


def remedies(state: LimitState, snapshot: Snapshot, needed: int, queues: int) -> tuple[str, ...]:
    """Commands and advice that raise a limit to `needed` units, or double it where that is less.

    `queues` are the most that a network interface of the VMs to come has. A limit without a remedy
    has none.
    """
    if state.limit.remedy is None:
        return ()
    wanted = target(state, needed)
    return state.limit.remedy(Shortage(snapshot, state.instance, state.max, wanted, queues))


def target(state: LimitState, needed: int) -> int:
    """The units to raise a limit to: `needed`, or twice its max where that is less."""
    maximum = state.max.value if state.max is not None else 0
    return needed if needed > maximum else 2 * maximum
