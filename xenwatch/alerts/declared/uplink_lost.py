"""A physical interface or a bond by which VMs reach the network, and that has no signal."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Alert(
    name="uplink_lost",
    summary="{device} lost its link: VMs behind it are cut off",
    description="Physical interface or bond {device} has worked since boot and is down or without "
    "a signal now. VMs on its bridges reach only each other.",
    first="xenwatch once --format prometheus | grep '^xenwatch_uplink_'",
    conditions={CRITICAL: SeriesCondition(Selector("xenwatch_uplink_lost"), ">", 0)},
    seconds=60,
    labels=("device",),
    probe="uplinks",
    errors={
        # Linux, drivers/net/ethernet: e1000e, igb, ixgbe, i40e, tg3, bnx2 and others.
        "`Link is Down`": (
            "no limit: a physical interface has no signal: cable, transceiver, or the switch's port"
        ),
    },
)
