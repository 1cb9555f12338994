"""Loop devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    EARLY,
    NO_COST,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release

MINOR_BITS: Final = 20
PART_BITS: Final = 8
"""DISK_MAX_PARTS is 256: the driver does not load with more partitions."""


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Loop devices with a backing file."""
    return {} if snapshot.loops is None else {"": snapshot.loops.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Minor numbers, shared by the partitions; `max_loop` only where loop-control is missing."""
    loops, control = snapshot.loops, release(snapshot).linux.loop_control
    if loops is None or control is None:
        return {}
    if not control:
        if loops.max_loop is None or loops.max_loop <= 0:
            return {}
        return {"": Max(loops.max_loop, "loop.max_loop: no loop-control before Linux 3.1")}
    shift = max(0, loops.max_part or 0).bit_length()
    if shift > PART_BITS:
        return {}
    return {"": Max(1 << (MINOR_BITS - shift), "minor numbers of the loop driver")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    return ("give VMs logical volumes instead of files: xen-blkback needs no loop device",)


_COSTS: Final[Costs] = {**dict.fromkeys(REGIMES, NO_COST), "xl": same(Cost(disk=1))}
"""For xl as if every disk were a file."""


LIMIT: Final = Limit(
    name="loop_devices",
    title="loop devices",
    probe="loops",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/partitions",
    symptom="losetup: cannot find an unused loop device",
    reference="Linux, drivers/block/loop.c",
    costs=_COSTS,
    remedy=remedy,
    errors={"`find an unused loop device` from losetup or the hotplug script": "loop devices"},
)
