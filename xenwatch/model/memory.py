"""What dom0's kernel tells of its memory when it runs out."""

from __future__ import annotations

from typing import Final

from xenwatch.model.render.buddyinfo import render_buddyinfo
from xenwatch.model.render.cgroup import render_flat, render_pressure
from xenwatch.model.render.text import render_uptime
from xenwatch.model.state import BOOTED, Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse import buddyinfo
from xenwatch.parse.buddyinfo import FreeBlocks
from xenwatch.parse.cgroup import Pressure

_PAGE_KIB: Final = 4
_ORDERS: Final = 11
"""Orders from 0 to MAX_ORDER less one, up to Linux 6.7."""
_SMALL: Final = 2
"""Orders that free memory is in when it is fragmented: up to two pages."""
_DMA32_KIB: Final = 3 << 20
_DMA: Final = FreeBlocks(0, "DMA", (1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 3))
_OOM_KILL: Final = (4, 13)
"""The first Linux that counts kills (mm/vmstat.c)."""
_BY_ZONE: Final = (4, 8)
"""The first Linux that counts stalls by zone."""
_PSI: Final = (4, 20)
"""The first Linux with pressure stall information (kernel/sched/psi.c)."""
_HUNDREDTHS: Final = 10_000
_OTHERS: Final = {f"nr_counter_of_kind_{number}": 10_000 for number in range(115)}
"""Counters that nobody reads: as many bytes as those of a captured kernel (Linux 6.1)."""


def build(tree: FileTree, dom0: Dom0) -> None:
    """The files of this platform's kernel."""
    tree.file("/proc/vmstat", lambda: render_flat(_counters(dom0)))
    tree.file("/proc/uptime", lambda: render_uptime(_uptime(dom0), _uptime(dom0)))
    tree.file(buddyinfo.PATH, lambda: render_buddyinfo(_free_blocks(dom0)))
    if dom0.platform.kernel >= _PSI:
        tree.file("/proc/pressure/memory", lambda: render_pressure(_pressure(dom0)))


def _uptime(dom0: Dom0) -> float:
    return BOOTED + dom0.seconds


def _counters(dom0: Dom0) -> dict[str, int]:
    found = {**_OTHERS, "pswpin": dom0.swap_ins, "pswpout": dom0.swap_kib // _PAGE_KIB}
    if dom0.platform.kernel >= _BY_ZONE:
        found |= dict.fromkeys(("allocstall_dma", "allocstall_dma32", "allocstall_movable"), 0)
        found["allocstall_normal"] = dom0.swap_ins // 32
    else:
        found["allocstall"] = dom0.swap_ins // 32
    if dom0.platform.kernel >= _OOM_KILL:
        found["oom_kill"] = len(dom0.kills)
    return found


def _pressure(dom0: Dom0) -> list[Pressure]:
    average = round(dom0.stalled_part * _HUNDREDTHS)
    return [
        Pressure("some", (average,) * 3, dom0.stalled_us),
        Pressure("full", (average // 2,) * 3, dom0.stalled_us // 2),
    ]


def _free_blocks(dom0: Dom0) -> list[FreeBlocks]:
    """Zones with what is free of memory; of a kernel with high memory, Normal is the low one."""
    meminfo = dom0.platform.meminfo
    taken = dom0.anon_kib + dom0.slab_kib
    if dom0.platform.zones:
        low = meminfo["LowFree"] - dom0.low_kib
        zones = {"Normal": low, "HighMem": meminfo["HighFree"] - taken}
    else:
        free = meminfo["MemFree"] - taken
        zones = {"DMA32": min(free, _DMA32_KIB), "Normal": max(0, free - _DMA32_KIB)}
    return [
        _DMA,
        *(FreeBlocks(0, name, _blocks(kib, dom0.fragmented)) for name, kib in zones.items()),
    ]


def _blocks(kib: int, fragmented: bool) -> tuple[int, ...]:
    """Free pages in blocks as large as they can be."""
    pages = max(0, kib) // _PAGE_KIB
    top = _SMALL - 1 if fragmented else _ORDERS - 1
    smaller = [pages >> order & 1 for order in range(top)]
    return (*smaller, pages >> top, *[0] * (_ORDERS - 1 - top))
