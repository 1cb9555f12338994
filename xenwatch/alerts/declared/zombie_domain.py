"""A domain that was destroyed but still exists."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.by_vm import DOMID, VM, ByVm
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="zombie_domain",
    summary="Domain {domid} of VM {vm} is stuck in state {state}",
    description="Domain {domid} of VM {vm} was destroyed but still exists: something "
    "holds its memory or event channels, and its event channels in dom0 stay in use.",
    first="xl list",
    conditions={
        WARNING: ByVm(
            SeriesCondition(Selector("xenwatch_domain_state", {"state": ("dying",)}), "==", 1),
            dropped=(),  # a VM that was started anew may leave several
        )
    },
    seconds=600,
    labels=(*VM, DOMID, "state"),
    probe="domains",
    errors={"(null) in xl list": "whatever the zombie domain still holds"},
)
