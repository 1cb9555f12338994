"""Readings: times of dom0's virtual CPUs."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Dom0Cpus:
    """dom0's virtual CPUs: seconds by CPU and mode, and what asks for them.

    `load` are the averages over 1, 5 and 15 minutes; `softirqs` counts by type on all CPUs.
    `steal_ratio` is the part of the last minutes, on all CPUs, in which dom0 had something to run
    and Xen ran other domains; `None` until it is known.
    """

    seconds: Mapping[str, Mapping[str, float]]
    load: tuple[float, float, float]
    runnable: int | None
    blocked: int | None
    softirqs: Mapping[str, int]
    steal_ratio: float | None = None
