"""A bond by which VMs reach the network, and that has lost a member."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING

ALERT: Final = Alert(
    name="bond_degraded",
    summary="Bond {bond} is degraded: {value} of its members down",
    description="{value} members of bond {bond} are down: the network of its VMs has "
    "less bandwidth and less redundancy, or none left.",
    first="xenwatch once --format prometheus | grep -E '^xenwatch_(uplink_up|bond_)'",
    conditions={WARNING: SeriesCondition(Selector("xenwatch_bond_members_down"), ">", 0)},
    seconds=120,
    labels=("bond",),
    probe="uplinks",
    errors={
        # Linux, drivers/net/bonding/bond_main.c, bond_miimon_commit.
        "`link status definitely down`": (
            "no limit: a bond has taken a member out of use that has no signal"
        ),
    },
)
