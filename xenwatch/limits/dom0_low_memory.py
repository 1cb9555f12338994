"""Low memory of a 32-bit dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    DENSITY,
    LATE,
    MIB,
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


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Low memory of a 32-bit highmem kernel."""
    memory = snapshot.memory
    if memory is None or memory.low_total is None or memory.low_free is None:
        return {}
    return {"": memory.low_total - memory.low_free}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """All low memory."""
    memory = snapshot.memory
    if memory is None or memory.low_total is None:
        return {}
    return {"": Max(memory.low_total, "LowTotal")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    return ("update the host: XenServer 6.5 and later have a 64-bit dom0, which has no low memory",)


_COSTS: Final[Costs] = dict.fromkeys(("xenserver-6.1", "xenserver-6.2"), same(Cost(domain=MIB)))


LIMIT: Final = Limit(
    name="dom0_low_memory",
    title="low memory of a 32-bit dom0",
    probe="memory",
    used=used,
    max=maximum,
    thresholds=LATE,
    source="/proc/meminfo: LowTotal minus LowFree",
    symptom="page allocation failures although there is free memory",
    reference=DENSITY,
    unit="bytes",
    costs=_COSTS,
    remedy=remedy,
    errors={
        (
            "page allocation failure in a 32-bit dom0 with plenty of free memory"
        ): "low memory of dom0"
    },
    density=Density(
        "low_memory",
        {
            ("windows", "xenserver-6.1"): Cell(650),
            ("windows", "xenserver-6.2"): Cell(650),
            ("linux", "xenserver-6.1"): Cell(650),
            ("linux", "xenserver-6.2"): Cell(650),
        },
    ),
)
