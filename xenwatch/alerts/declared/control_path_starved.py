"""Daemons of the toolstack with too small a share of dom0's CPU time."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.waiting import WAITING, daemons_wait
from xenwatch.limits.base import Thresholds

_NAME: Final = "control_path_starved"
_SHARE: Final = Selector(
    "xenwatch_slice_share_under_contention_ratio", {"slice": ("control.slice",)}
)

ALERT: Final = Alert(
    name=_NAME,
    summary="Daemons of the toolstack wait for a CPU: {slice} is guaranteed only {value} of dom0's",
    description="Daemons of the toolstack have waited for a CPU for minutes, and {slice} is "
    "guaranteed only {value} of dom0's CPU time under contention: other slices, or processes and "
    "netback threads outside the slices, have too much CPU weight.",
    first="xenwatch once --format prometheus | grep -E '^xenwatch_(slice|root_cgroup|daemon_wait)'",
    conditions={
        severity: SeriesCondition(
            _SHARE, "<", OwnThreshold(_NAME, severity), measured=daemons_wait(_NAME)
        )
        for severity in SEVERITIES
    },
    seconds=600,
    labels=("slice",),
    shown=PERCENT,
    probe="slices",
    sparse=False,
    causes=("misplaced_processes",),
    thresholds=Thresholds(0.3, None),
    bounds=(WAITING,),
    errors={
        "toolstack operations time out while VMs are busy, xe vm-list takes seconds": (
            "the toolstack's share of dom0's CPU time"
        ),
    },
)
