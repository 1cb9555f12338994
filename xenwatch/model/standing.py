"""How dom0 of the synthetic host stands: to Xen's scheduler, to time, to the other hosts."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from xenwatch.parse.scheduling import CREDIT, CREDIT2, SCHEDULERS
from xenwatch.parse.timex import MAXERROR_LIMIT, Timex
from xenwatch.values import dataclass

CPUS: Final = 32
"""CPUs of the host."""
NODES: Final = 2
"""Its NUMA nodes, which have as many CPUs each."""
WEIGHT: Final = 256
"""The default weight of every domain (sched/credit.c and sched/credit2.c)."""
_CREDIT2_SINCE: Final = (4, 12)
"""Xen whose default scheduler is credit2 (xen/common/Kconfig); XCP-ng and XenServer keep credit."""
_SET: Final = Timex(2_310, 180)
"""Of a dom0 that chronyd synchronizes."""
_DRIFT: Final = 500
"""Microseconds a second by which the max error rises: MAXFREQ (linux/timex.h)."""


@dataclass(slots=True)
class Standing:
    """What Xen's scheduler has of dom0, since when nothing synchronizes its clock, and HA's state.

    `stolen` is the part of the time of dom0's vCPUs that Xen gives to others since `stolen_from`,
    `stolen_seconds` what one vCPU had lost by then. `cap` is percent of a CPU. `warned` is since
    when xhad warns, by warning.
    """

    weight: int = WEIGHT
    cap: int = 0
    pinned: bool = False
    stolen: float = 0.0
    stolen_from: float = 0.0
    stolen_seconds: float = 0.0
    drifts_from: float | None = None
    warned: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """A step of a scenario: nothing synchronizes the clock of dom0 from `at` on."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A step of a scenario: what Xen's scheduler gives dom0 from `at` on.

    `cap` is percent of a CPU (0: none), `pinned` whether each vCPU has a CPU of its own, `stolen`
    the part of the time in which a vCPU of dom0 waits while others run.
    """

    weight: int = WEIGHT
    cap: int = 0
    pinned: bool = False
    stolen: float = 0.0
    at: float = 0.0

    def problems(self) -> list[tuple[bool, str]]:
        """What is wrong with it, see `xenwatch.model.scenario`."""
        return [
            (not 0 < self.weight < 1 << 16, "weight must be from 1 to 65535"),
            (not 0 <= self.cap <= CPUS * 100, f"cap must be from 0 to {CPUS * 100}"),
            (self.stolen > 1, "stolen must be at most 1"),
        ]


def timex(standing: Standing, seconds: float) -> Timex:
    """What the kernel tells of its clock at this time of the host."""
    if standing.drifts_from is None:
        return _SET
    error = _SET.maxerror + round((seconds - standing.drifts_from) * _DRIFT)
    return Timex(min(error, MAXERROR_LIMIT), _SET.esterror)


def stolen_seconds(standing: Standing, seconds: float) -> float:
    """What one vCPU has lost to other domains since boot."""
    return standing.stolen_seconds + standing.stolen * (seconds - standing.stolen_from)


def schedule(standing: Standing, step: Schedule, seconds: float) -> None:
    """Have the scheduler give dom0 what the step says."""
    standing.stolen_seconds = stolen_seconds(standing, seconds)
    standing.stolen_from, standing.stolen = seconds, step.stolen
    standing.weight, standing.cap, standing.pinned = step.weight, step.cap, step.pinned


def scheduler(xen: tuple[int, int], *, xapi: bool) -> int:
    """The number of the default scheduler of this Xen."""
    name = CREDIT2 if xen >= _CREDIT2_SINCE and not xapi else CREDIT
    return next(number for number, its in SCHEDULERS.items() if its == name)


def affinity(standing: Standing, vcpu: int) -> frozenset[int]:
    """The CPUs a vCPU of dom0 may run on."""
    return frozenset({vcpu} if standing.pinned else range(CPUS))
