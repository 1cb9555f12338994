"""Readings: response times of the control path, and wait times of its daemons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.0),
)
"""Upper bounds of the buckets in seconds; a source times out after two."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Requests to one daemon so far: answers by bucket, their total seconds, and failures.

    `counts` are of the buckets with the upper bounds `BOUNDS`, the last one of slower answers.
    """

    counts: tuple[int, ...]
    seconds: float
    failures: int


@dataclass(frozen=True, slots=True)
class DaemonTimes:
    """CPU time of a daemon, and seconds its threads have waited for a CPU, ended ones included.

    `wait_seconds` is `None` where the kernel does not report it.
    """

    cpu_seconds: float
    wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class ControlPath:
    """Response times of the control path by target, and its daemons' times by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, DaemonTimes]
