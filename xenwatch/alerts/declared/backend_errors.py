"""A running domain with a device that failed to connect."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="backend_errors",
    summary="Domain {domid} is running with a failed {class} device ({errno})",
    description="{value} xenstore error nodes of class {class} with {errno} for running domain "
    "{domid}: the domain started, but a disk or network interface failed to connect.",
    conditions={
        WARNING: SeriesCondition(
            Selector("xenwatch_domain_backend_errors"),
            ">",
            0,
            among=("domid", Selector("xenwatch_domain_state", never={"state": ("dying",)})),
        )
    },
    seconds=120,
    labels=("domid", "class", "errno"),
    probe="xenstore_devices",
)
