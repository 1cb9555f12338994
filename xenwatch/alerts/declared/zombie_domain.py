"""A domain that was destroyed but still exists."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="zombie_domain",
    summary="Domain {domid} is stuck in state {state}",
    description="Domain {domid} was destroyed but still exists: something holds its memory or "
    "event channels, and its event channels in dom0 stay in use.",
    conditions={
        WARNING: SeriesCondition(Selector("xenwatch_domain_state", {"state": ("dying",)}), "==", 1)
    },
    seconds=600,
    labels=("domid", "state"),
    probe="domains",
    errors={"(null) in xl list": "whatever the zombie domain still holds"},
)
