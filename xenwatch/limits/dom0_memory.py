"""Memory of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import (
    LATE,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.limits.remedies import xen_option
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Memory not available without swapping; unknown before Linux 3.14."""
    memory = snapshot.memory
    if memory is None or memory.available is None:
        return {}
    return {"": max(0, memory.total - memory.available)}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """All of dom0's memory."""
    return {} if snapshot.memory is None else {"": Max(snapshot.memory.total, "MemTotal")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    mib = -(-shortage.target >> 20)
    return (xen_option(shortage.snapshot, f"dom0_mem={mib}M,max:{mib}M"),)


_COSTS: Final[Costs] = dict.fromkeys(REGIMES, same(Cost(dom0_memory=1)))


LIMIT: Final = Limit(
    name="dom0_memory",
    title="memory of dom0",
    probe="memory",
    used=used,
    max=maximum,
    thresholds=LATE,
    by_domain="xenwatch_vm_process_memory_bytes",
    source="/proc/meminfo: MemTotal minus MemAvailable",
    symptom="page allocation failures, then the OOM killer in dom0",
    reference="proc(5): MemAvailable",
    unit="bytes",
    costs=_COSTS,
    remedy=remedy,
    uncounted="there is no published figure for a VM's QEMU, tapdisks and buffers; the daemon "
    "learns it from three VMs of the shape as they start and stop, or set dom0_memory_bytes in the "
    "shape",
    errors={
        kinds.PAGE_ALLOCATION_FAILURE.messages: (
            "memory of dom0; at `order:4` and above memory in one piece, of which there may be "
            "none while much is free: `/proc/buddyinfo`"
        ),
    },
)
