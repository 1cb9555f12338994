"""A limit whose use rises so that it is exhausted within hours."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import TIME_LEFT, Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.details import Room
from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.near_limit import LIMIT, users
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds

_NAME: Final = "limit_full_soon"
SECONDS_TO_FULL: Final = "xenwatch_limit_seconds_to_full"
"""The metric that it compares."""

ALERT: Final = Alert(
    name=_NAME,
    summary="{title} will be exhausted {value}",
    description="At the rate of the last hours, the limit {limit} will be exhausted {value}. "
    "A steady rise without new VMs is a leak.",
    over=(
        "{title}: forecast has ended, exhaustion was expected {value}",
        (
            "The forecast that the limit {limit} would be exhausted {value} has ended: its use no "
            "longer rises as it did, or nothing of it is left."
        ),
    ),
    first="xenwatch plan",
    conditions={
        severity: SeriesCondition(Selector(SECONDS_TO_FULL), "<", OwnThreshold(_NAME, severity))
        for severity in SEVERITIES
    },
    seconds=600,
    # The trend itself has stood for ten minutes: what ends within the hour cannot wait twice.
    critical_seconds=60,
    labels=(LIMIT,),
    details=(users(*(limit for limit in LIMITS if limit.scarce)), Room()),
    shown=TIME_LEFT,
    probes={limit.name: limit.probe for limit in LIMITS if limit.scarce},
    thresholds=Thresholds(6 * 3600.0, 3600.0),
)
