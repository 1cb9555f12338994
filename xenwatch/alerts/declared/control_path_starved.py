"""Daemons of the toolstack with too small a share of dom0's CPU time."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "control_path_starved"
_SHARE: Final = Selector(
    "xenwatch_slice_share_under_contention_ratio", {"slice": ("control.slice",)}
)

ALERT: Final = Alert(
    name=_NAME,
    summary="{slice} is guaranteed only {value} of dom0's CPU under contention",
    description="When dom0's CPUs are busy, the toolstack daemons get only {value} of the CPU time "
    "and time out: other slices, or processes outside the slices, have too much CPU weight.",
    conditions={
        severity: SeriesCondition(_SHARE, "<", OwnThreshold(_NAME, severity))
        for severity in SEVERITIES
    },
    seconds=600,
    labels=("slice",),
    shown=PERCENT,
    probe="slices",
    sparse=False,
    thresholds=Thresholds(0.3, 0.1),
    errors={
        "toolstack operations time out while VMs are busy, xe vm-list takes seconds": (
            "the toolstack's share of dom0's CPU time"
        ),
    },
)
