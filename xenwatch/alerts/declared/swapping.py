"""A dom0 that reads much back from swap."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "swapping"

ALERT: Final = Alert(
    name=_NAME,
    summary="dom0 is swapping: {value} pages a second read back from swap",
    description="dom0 reads {value} pages a second back from swap, over the last five minutes: it "
    "works with less memory than it needs, and every daemon of the toolstack waits for the disk.",
    first="xenwatch once --format prometheus | grep '^xenwatch_dom0_swap'",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_dom0_swap_in_pages_per_second"), ">=", OwnThreshold(_NAME, severity)
        )
        for severity in SEVERITIES
    },
    seconds=300,
    probe="memory_pressure",
    sparse=False,
    thresholds=Thresholds(256.0, 2560.0),
    errors={
        "kswapd0 busy, columns si and so of vmstat(8) not 0": "memory of dom0, which is swapping"
    },
)
