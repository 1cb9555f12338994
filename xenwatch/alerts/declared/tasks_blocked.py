"""Many tasks of dom0 that wait for storage."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.errors import kinds
from xenwatch.limits.base import Thresholds

_NAME: Final = "tasks_blocked"

ALERT: Final = Alert(
    name=_NAME,
    summary="{value} tasks of dom0 wait for storage",
    description="{value} tasks of dom0 are blocked on I/O, and have been for two minutes: storage "
    "does not answer, or is far slower than what is asked of it.",
    first="ps -eo stat,pid,wchan:32,args | awk '$1 ~ /^D/'",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_dom0_blocked_tasks"), ">=", OwnThreshold(_NAME, severity)
        )
        for severity in SEVERITIES
    },
    seconds=120,
    probe="dom0_cpus",
    sparse=False,
    causes=("storage_hung",),
    thresholds=Thresholds(10.0, None),
    errors={
        kinds.HUNG_TASK.messages: (
            "a task that waits for more than two minutes, nearly always for storage that hangs"
        ),
    },
)
