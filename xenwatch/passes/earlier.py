"""An earlier snapshot, from which rates of counters are computed for those who look at a host."""

from __future__ import annotations

from typing import Final

from xenwatch.readings.snapshot import Snapshot

SPAN: Final = 150.0
"""Seconds at least between two snapshots that are kept: the probes that people ask of have run."""


class Earlier:
    """Keeps two snapshots; `snapshot` is at least `SPAN` seconds old once that is possible."""

    def __init__(self) -> None:
        self._kept: list[Snapshot] = []

    @property
    def snapshot(self) -> Snapshot | None:
        """The older of those kept; `None` before the first."""
        return self._kept[0] if self._kept else None

    def note(self, newest: Snapshot) -> None:
        """Note the snapshot of a pass."""
        if self._kept and newest.instant - self._kept[-1].instant < SPAN:
            return
        self._kept = [*self._kept[-1:], newest]
