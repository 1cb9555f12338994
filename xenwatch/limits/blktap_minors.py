"""blktap minors, or the ids of blktap 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    DENSITY,
    EARLY,
    NO_COST,
    Cell,
    Cost,
    Costs,
    Density,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release

MAX_ID: Final = 16384
"""Of blktap 4 (tap-ctl-allocate.c); the drivers of XenServer 6.5 and later have as many."""


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Minors or ids in use."""
    return {} if snapshot.blktap is None else {"": snapshot.blktap.identifiers}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """MAX_BLKTAP_DEVICE of the kernel driver by release, or blktap 4's MAX_ID."""
    if snapshot.blktap is None:
        return {}
    if snapshot.blktap.regime == "id":
        return {"": Max(MAX_ID, "MAX_ID of blktap 4")}
    found = release(snapshot)
    if found.facts.minors is None:
        return {}
    return {"": Max(found.facts.minors, f"MAX_BLKTAP_DEVICE of {found.name}")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    advice = "detach disks and empty DVD drives that no VM needs"
    if shortage.max is not None and shortage.max.value < MAX_ID:
        return ("update the host: XenServer 6.5 and later have 16,384 minors", advice)
    return (advice,)


_COSTS: Final[Costs] = {**dict.fromkeys(REGIMES, same(Cost(disk=1))), "xl": NO_COST}


LIMIT: Final = Limit(
    name="blktap_minors",
    title="blktap minors or tapdisk ids",
    probe="blktap",
    used=used,
    max=maximum,
    thresholds=EARLY,
    by_domain="xenwatch_domain_disks",
    source="/sys/class/blktap2 or /run/blktap-control/tapdisk",
    symptom="ENOMEM from BLKTAP_IOCTL_ALLOC_TAP; with blktap 4 minor -1 and no message",
    reference=DENSITY,
    costs=_COSTS,
    remedy=remedy,
    errors={
        (
            "minor = -1 without any error (blktap 4), `BLKTAP_IOCTL_ALLOC_TAP` with ENOMEM"
        ): "tapdisk ids or minors"
    },
    density=Density(
        "minors",
        {
            ("windows", "xenserver-6.1"): Cell(341),
            ("windows", "xenserver-6.2"): Cell(682),
            ("linux", "xenserver-6.1"): Cell(1024),
            ("linux", "xenserver-6.2"): Cell(2048),
        },
    ),
)
