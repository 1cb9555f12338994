"""A daemon that answers with old readings."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Watch
from xenwatch.alerts.bounds import Bound
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Watch(
    name="stale",
    summary="xenwatch on {instance} serves stale readings",
    description="The newest reading of {instance} is {value} old: the daemon answers, but its "
    "probes have stopped, or rendering their readings fails or takes too long.",
    first="xenwatch doctor",
    expression="time() - xenwatch_snapshot_timestamp_seconds > $age",
    seconds=120,
    severity=CRITICAL,
    shown=DURATION,
    bounds=(Bound("age", 120.0, "the newest reading is older than this many seconds", DURATION),),
)
