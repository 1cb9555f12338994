"""Readings: what Xen's scheduler gives dom0, and the CPUs it gives it of."""

from __future__ import annotations

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Scheduling:
    """dom0 to Xen's scheduler, which is called as `sched=` names it.

    `weight` is relative to those of other domains, `cap` the CPUs that dom0 may use at most, 0
    without a cap; both are `None` where the scheduler knows no such thing. `pinned` is how many of
    its vCPUs may run on some of the host's CPUs only. `cpus` are the host's that are online,
    `nodes` its NUMA nodes.
    """

    scheduler: str
    weight: int | None
    cap: float | None
    pinned: int
    cpus: int
    nodes: int
