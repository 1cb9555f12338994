"""A dom0 whose tasks wait for memory."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "memory_pressure"

ALERT: Final = Alert(
    name=_NAME,
    summary="Tasks of dom0 wait for memory {value} of the time",
    description="In {value} of the last five minutes some task of dom0 was stalled "
    "until memory was reclaimed or read back from swap.",
    first="xenwatch once --format prometheus | grep '^xenwatch_dom0_memory'",
    conditions={
        severity: SeriesCondition(
            Selector("xenwatch_dom0_memory_pressure_ratio", {"kind": ("some",)}),
            ">=",
            OwnThreshold(_NAME, severity),
        )
        for severity in SEVERITIES
    },
    seconds=300,
    shown=PERCENT,
    labels=("kind",),
    probe="memory_pressure",
    sparse=False,
    thresholds=Thresholds(0.1, 0.4),
    errors={"dom0 responds slowly, little memory is available, allocstall rises": "memory of dom0"},
)
