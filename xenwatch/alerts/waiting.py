"""Daemons of the control path that wait for a CPU: the symptom that causes may explain."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT
from xenwatch.alerts.bounds import Bound, OwnBound
from xenwatch.alerts.conditions import Measured, Selector

WAITING: Final = Bound(
    "waiting",
    0.1,
    "only while a daemon of the control path waits for a CPU for this fraction of the time or more",
    PERCENT,
)


def daemons_wait(alert: str) -> Measured:
    """That a daemon waits for a CPU, by the bound of this alert."""
    return Measured(Selector("xenwatch_daemon_waiting_ratio"), OwnBound(alert, WAITING))
