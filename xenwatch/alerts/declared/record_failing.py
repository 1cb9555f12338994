"""A record that cannot be written: what happens now could not be looked up later."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="record_failing",
    summary="The record cannot be written: what happens now cannot be looked up later",
    description="Writes of the daemon's record fail or hang: nothing is recorded, and `xenwatch "
    "replay` and `xenwatch report` have a gap. Monitoring and alerts go on. The daemon's log has "
    "the reason.",
    first="df -h /var/lib/xenwatch",
    conditions={
        WARNING: SeriesCondition(Selector("xenwatch_record_last_write_successful"), "==", 0)
    },
    seconds=600,
)
