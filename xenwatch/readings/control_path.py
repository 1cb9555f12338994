"""Readings: response times of the control path, and wait times of its daemons."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Final

from xenwatch.values import dataclass

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.0),
)
"""Upper bounds of the buckets in seconds; a source times out after two."""
RECENT: Final = 6
"""Requests to one daemon that are judged together: those of a minute by default."""
UNRESPONSIVE: Final = 0.5
"""The part of them from which a daemon does not answer, if so many fail."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Requests to one daemon so far: answers by bucket, their total seconds, and failures.

    `counts` are of the buckets with the upper bounds `BOUNDS`, the last one of slower answers.
    `recent` are the seconds of the newest requests, at most `RECENT`, `None` for one that failed
    or timed out.
    """

    counts: tuple[int, ...]
    seconds: float
    failures: int
    recent: tuple[float | None, ...] = ()

    @property
    def failed_ratio(self) -> float | None:
        """The part of the recent requests that failed; `None` without any."""
        return self.recent.count(None) / len(self.recent) if self.recent else None

    @property
    def median_seconds(self) -> float | None:
        """The median of the recent answers; `None` without any.

        A request that timed out has no part in it: nobody knows how long it would have taken.
        """
        answered = [seconds for seconds in self.recent if seconds is not None]
        return statistics.median(answered) if answered else None


@dataclass(frozen=True, slots=True)
class DaemonTimes:
    """CPU time of a daemon, and seconds its threads have waited for a CPU, ended ones included.

    `wait_seconds` is `None` where the kernel does not report it, `waiting` what it rises a second
    over the last minutes.
    """

    cpu_seconds: float
    wait_seconds: float | None
    waiting: float | None = None


@dataclass(frozen=True, slots=True)
class ControlPath:
    """Response times of the control path by target, and its daemons' times by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, DaemonTimes]

    @property
    def unresponsive(self) -> tuple[str, ...]:
        """The targets that do not answer."""
        return tuple(
            target
            for target, found in self.round_trips.items()
            if (found.failed_ratio or 0.0) >= UNRESPONSIVE
        )
