"""A VM that is started again and again."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "crash_loop"

ALERT: Final = Alert(
    name=_NAME,
    summary="VM {vm} was restarted {value} times in the last half hour",
    description="VM {vm} came back as a new domain {value} times in the last half hour: "
    "it crashes or reboots soon after it starts, and each start takes CPU time of dom0.",
    first="xl list",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_vm_recent_restarts"), ">=", OwnThreshold(_NAME, severity)
        )
        for severity in SEVERITIES
    },
    seconds=0,
    labels=("uuid", "name"),
    probe="domains",
    thresholds=Thresholds(5.0, None),
)
