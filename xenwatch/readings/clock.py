"""Readings: how good the clock of dom0 is."""

from __future__ import annotations

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """dom0's clock: seconds it may be wrong by at most, and seconds it is estimated to be wrong by.

    `synchronized` is whether a time daemon has set it, in the last hours at least.
    """

    synchronized: bool
    max_error: float
    estimated_error: float
