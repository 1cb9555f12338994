"""A xenstored or xapi that answers, but slowly."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "control_path_slow"
_MEDIAN: Final = Selector("xenwatch_control_path_median_round_trip_seconds")

ALERT: Final = Alert(
    name=_NAME,
    summary="{target} answers slowly: {value} s for a trivial request",
    description="Half of the last requests to {target} took {value} s or longer, for two minutes "
    "now; usual are milliseconds. Starting, stopping and migrating VMs takes long or times out; "
    "VMs themselves run on.",
    first="xenwatch once --format prometheus | grep -E '^xenwatch_(control_path|daemon)_'",
    conditions={
        severity: SeriesCondition(_MEDIAN, ">=", OwnThreshold(_NAME, severity))
        for severity in SEVERITIES
    },
    seconds=120,
    labels=("target",),
    probe="control_path",
    sparse=False,
    causes=("xenstored_unresponsive", "xapi_unresponsive"),
    thresholds=Thresholds(0.5, 1.5),
    errors={
        # xcp-emu-manager, control_recv: it waits 120 s.
        "`Failed to read from xenopsd because timeout reached` from emu-manager": (
            "xenopsd answers too late: a migration, suspend or resume has failed"
        ),
    },
)
