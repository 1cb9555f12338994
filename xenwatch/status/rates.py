"""Rates between two snapshots of a host, each over the time between the runs of its probe."""

from __future__ import annotations

from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """A snapshot, and one before it; `None` where there is none."""

    now: Snapshot
    earlier: Snapshot | None = None

    def seconds(self, probe: str) -> float | None:
        """Seconds between the two readings of a probe; `None` without two of them."""
        if self.earlier is None:
            return None
        outcomes = [each.outcomes.get(probe) for each in (self.now, self.earlier)]
        if outcomes[0] is None or outcomes[1] is None:
            return None
        passed = outcomes[0].instant - outcomes[1].instant
        return passed if passed > 0 else None

    def rate(self, probe: str, value: float | None, before: float | None) -> float | None:
        """What a counter of a probe rises a second; `None` if unknown, or if it began anew."""
        seconds = self.seconds(probe)
        if seconds is None or value is None or before is None or value < before:
            return None
        return (value - before) / seconds
