"""Readings: what dom0's kernel does when memory runs out."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Stalled:
    """Time in which tasks waited for memory: the part of the last five minutes, all seconds."""

    ratio: float
    seconds: float


@dataclass(frozen=True, slots=True)
class MemoryPressure:
    """Counters of dom0's kernel since boot; `None` where this kernel does not count.

    `oom_kills` are processes killed, `stalls` allocations that had to reclaim memory themselves,
    `swap_ins` and `swap_outs` pages. `swap_in_rate` is pages a second over the last minutes.
    `recent_kills` are those of the last hour by victim: a role, else the program's name, else
    `unknown`. `stalled` is by kind, `some` and `full` (PSI); empty without it.
    `free_blocks` is by node, zone and order; empty without `/proc/buddyinfo`.
    """

    oom_kills: int | None
    stalls: int | None
    swap_ins: int | None
    swap_outs: int | None
    swap_in_rate: float | None
    recent_kills: Mapping[str, int]
    stalled: Mapping[str, Stalled]
    free_blocks: Mapping[tuple[int, str, int], int]

    @property
    def largest_free_order(self) -> int | None:
        """The order of the largest free block that the kernel's own allocations can have.

        -1: none; `None`: unknown. Zone DMA is kept from them where there is another, and
        high memory is not for them (mm/page_alloc.c, lowmem_reserve).
        """
        zones = {zone for _, zone, _ in self.free_blocks} & {"DMA32", "Normal"}
        if not zones:
            return None
        free = (order for (_, zone, order), n in self.free_blocks.items() if n and zone in zones)
        return max(free, default=-1)
