"""Swap of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    NEVER,
    Limit,
    Max,
)
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Swap in use; nothing on a host without swap."""
    memory = snapshot.memory
    if memory is None or not memory.swap_total or memory.swap_free is None:
        return {}
    return {"": memory.swap_total - memory.swap_free}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """All swap."""
    memory = snapshot.memory
    if memory is None or not memory.swap_total:
        return {}
    return {"": Max(memory.swap_total, "SwapTotal")}


LIMIT: Final = Limit(
    name="dom0_swap",
    title="swap of dom0",
    probe="memory",
    used=used,
    max=maximum,
    thresholds=NEVER,
    source="/proc/meminfo: SwapTotal minus SwapFree",
    symptom="dom0 responds slowly, then the OOM killer runs",
    reference="proc(5): SwapTotal",
    caveat="Swap that is used is harmless while nothing is read back from it: what hurts is "
    "swapping, which has an alert of its own, and memory that ends, which is another limit.",
    unit="bytes",
    errors={
        (
            "dom0 responds slowly, toolstack operations time out, kswapd0 busy"
        ): "swap and memory of dom0"
    },
)
