"""A dom0 whose clock nothing synchronizes."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="clock_unsynchronized",
    summary="The clock of dom0 is not synchronized",
    description="No time daemon has synchronized the clock of dom0 since it booted or was set, or "
    "for nine hours. VMs take their time from it when they start, and hosts of a pool whose clocks "
    "differ disagree about certificates, tokens and what happened first.",
    first="xenwatch once --format prometheus | grep '^xenwatch_dom0_clock_'",
    conditions={
        WARNING: SeriesCondition(Selector("xenwatch_dom0_clock_synchronized"), "==", 0),
    },
    seconds=1800,
    probe="clock",
    sparse=False,
    errors={
        # xen-api, xapi-consts/api_messages.ml.
        "`HOST_CLOCK_SKEW_DETECTED`": "the clocks of the hosts of a pool differ",
        # chrony, reference.c.
        "`Can't synchronise: no selectable sources`": (
            "chronyd reaches no time server that it trusts: the clock of dom0 drifts"
        ),
    },
)
