"""A daemon that answers with old readings."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Watch
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Watch(
    name="stale",
    summary="xenwatch on {instance} serves stale readings",
    description="The newest reading of {instance} is {value} old: the daemon answers, but its "
    "probes have stopped.",
    expression="time() - xenwatch_snapshot_timestamp_seconds > 120",
    seconds=120,
    severity=CRITICAL,
    shown=DURATION,
)
