"""Readings: how long the control path takes to answer, and what its daemons wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.0),
)
"""Upper bounds of the buckets in seconds; a source gives up after two."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Questions to one daemon so far: answers by bucket, their seconds, and those unanswered.

    `counts` are of the buckets whose upper bounds are `BOUNDS`,
    the last one of what took longer.
    """

    counts: tuple[int, ...]
    seconds: float
    failures: int


@dataclass(frozen=True, slots=True)
class DaemonTimes:
    """CPU time of a daemon, and seconds its threads have waited for a CPU, ended ones too.

    `wait_seconds` is `None` where the kernel does not tell.
    """

    cpu_seconds: float
    wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class ControlPath:
    """How long the control path takes to answer, by target, and its daemons' times, by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, DaemonTimes]
