"""dom0's own memory and what the balloon driver aims at."""

from __future__ import annotations

from typing import Final

from xenwatch.parse import zoneinfo
from xenwatch.parse.errors import ParseError
from xenwatch.parse.meminfo import parse_meminfo, sizes
from xenwatch.parse.text import number
from xenwatch.probes.base import Probe, stateless
from xenwatch.probes.xen import read_optional
from xenwatch.readings.memory import Memory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

NORMAL: Final = "Normal"
PAGE: Final = 4096
"""Bytes of a page on x86, which alone has a 32-bit dom0 with high memory."""
MEMINFO = "/proc/meminfo"
BALLOON = "/sys/devices/system/xen_memory/xen_memory0"


def read(source: Source, context: Snapshot) -> Memory:
    """dom0's memory. Raises `SourceError` and `ParseError`."""
    found = sizes(parse_meminfo(source.read(MEMINFO)))
    missing = [name for name in ("MemTotal", "MemFree") if name not in found]
    if missing:
        raise ParseError(MEMINFO, f"row {missing[0]} is missing")
    low = "LowTotal" in found
    return Memory(
        total=found["MemTotal"],
        available=found.get("MemAvailable"),
        free=found["MemFree"],
        low_total=found.get("LowTotal"),
        low_free=found.get("LowFree"),
        low_usable=_low_usable(source) if low else None,
        swap_total=found.get("SwapTotal"),
        swap_free=found.get("SwapFree"),
        slab=found.get("Slab"),
        slab_unreclaimable=found.get("SUnreclaim"),
        balloon_target=_kib(source, "target_kb"),
        balloon_current=_kib(source, "info/current_kb"),
    )


def _low_usable(source: Source) -> int | None:
    """What the kernel's own allocations can have of low memory; `None` without `/proc/zoneinfo`.

    Of each zone, what is free above the high watermark and above what is kept from allocations
    that prefer zone Normal: below it they fail once nothing more can be reclaimed
    (mm/page_alloc.c, zone_watermark_ok and lowmem_reserve).
    """
    data = read_optional(source, zoneinfo.PATH)
    if data is None:
        return None
    zones = zoneinfo.parse_zoneinfo(data)
    names = [zone.name for zone in zones if zone.node == zones[0].node]
    if NORMAL not in names:
        raise ParseError(zoneinfo.PATH, f"zone {NORMAL} is missing")
    index = names.index(NORMAL)
    low = [zone for zone in zones if zone.name in names[: index + 1]]
    return PAGE * sum(max(0, zone.free - zone.high - zone.protection[index]) for zone in low)


def _kib(source: Source, name: str) -> int | None:
    """A file of the balloon driver in bytes (drivers/xen/xen-balloon.c)."""
    path = f"{BALLOON}/{name}"
    data = read_optional(source, path)
    return None if data is None else number(path, data) * 1024


MEMORY = Probe(
    name="memory",
    reads=f"{MEMINFO}, {BALLOON}; of a 32-bit dom0 {zoneinfo.PATH}",
    advice="mount procfs and sysfs",
    read=stateless(read),
)
