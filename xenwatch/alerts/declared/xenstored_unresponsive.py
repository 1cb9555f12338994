"""A xenstored that does not answer, or does not run."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds
from xenwatch.readings.control_path import UNRESPONSIVE

_NAME: Final = "xenstored_unresponsive"
_FAILED: Final = Selector("xenwatch_control_path_failed_ratio", {"target": ("xenstored",)})

ALERT: Final = Alert(
    name=_NAME,
    summary="xenstored does not answer: {value} of the last requests failed",
    description="{value} of the last requests to xenstored failed or timed out, for two minutes "
    "now. VMs run on, but none can be started, stopped, migrated or given a device, and xl and the "
    "toolstack hang or fail.",
    first="xenwatch doctor",
    conditions={
        severity: SeriesCondition(_FAILED, ">=", OwnThreshold(_NAME, severity))
        for severity in SEVERITIES
    },
    seconds=120,
    labels=("target",),
    shown=PERCENT,
    probe="control_path",
    sparse=False,
    thresholds=Thresholds(None, UNRESPONSIVE),
    errors={
        # Xen, tools/libs/light/libxl.c: libxl_ctx_alloc.
        "`Is xenstore daemon running?`, `cannot connect to xenstore`; xl list or xenstore-read "
        "hangs": "xenstored does not run, or does not answer"
    },
)
