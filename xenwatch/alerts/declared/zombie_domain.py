"""A domain that was destroyed and does not go away."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="zombie_domain",
    summary="Domain {domid} is stuck in state {state}",
    description="Domain {domid} was destroyed and does not go away: something still holds its "
    "memory or event channels, and it holds event channels of dom0.",
    conditions={
        WARNING: SeriesCondition(Selector("xenwatch_domain_state", {"state": ("dying",)}), "==", 1)
    },
    seconds=600,
    labels=("domid", "state"),
    probe="domains",
    errors={"(null) in xl list": "whatever the zombie domain still holds"},
)
