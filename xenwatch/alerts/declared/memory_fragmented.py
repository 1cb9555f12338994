"""A dom0 whose free memory is in small pieces."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.errors import kinds
from xenwatch.limits.base import Thresholds

_NAME: Final = "memory_fragmented"

ALERT: Final = Alert(
    name=_NAME,
    summary="dom0's free memory is fragmented: the largest free block is of order {value}",
    description="The largest free block of memory that dom0's kernel can have is of order "
    "{value} (2^{value} pages). Allocations of a higher order fail or stall although there is "
    "free memory.",
    first="cat /proc/buddyinfo",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_dom0_largest_free_order"), "<", OwnThreshold(_NAME, severity)
        )
        for severity in SEVERITIES
    },
    seconds=600,
    probe="memory_pressure",
    sparse=False,
    thresholds=Thresholds(5.0, 3.0),
    errors={
        kinds.LARGE_PAGE_ALLOCATION_FAILURE.messages: (
            "memory of dom0 in one piece: what is free is fragmented"
        )
    },
)
