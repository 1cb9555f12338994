"""dom0's own memory and what the balloon driver aims at."""

from __future__ import annotations

from xenwatch.parse.errors import ParseError
from xenwatch.parse.meminfo import parse_meminfo, sizes
from xenwatch.parse.text import number
from xenwatch.probes.base import Probe, stateless
from xenwatch.probes.xen import read_optional
from xenwatch.readings.memory import Memory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

MEMINFO = "/proc/meminfo"
BALLOON = "/sys/devices/system/xen_memory/xen_memory0"


def read(source: Source, context: Snapshot) -> Memory:
    """dom0's memory. Raises `SourceError` and `ParseError`."""
    found = sizes(parse_meminfo(source.read(MEMINFO)))
    missing = [
        name for name in ("MemTotal", "MemFree", "SwapTotal", "SwapFree") if name not in found
    ]
    if missing:
        raise ParseError(MEMINFO, f"row {missing[0]} is missing")
    return Memory(
        total=found["MemTotal"],
        available=found.get("MemAvailable"),
        free=found["MemFree"],
        low_total=found.get("LowTotal"),
        low_free=found.get("LowFree"),
        swap_total=found["SwapTotal"],
        swap_free=found["SwapFree"],
        slab=found.get("Slab"),
        slab_unreclaimable=found.get("SUnreclaim"),
        balloon_target=_kib(source, "target_kb"),
        balloon_current=_kib(source, "info/current_kb"),
    )


def _kib(source: Source, name: str) -> int | None:
    """A file of the balloon driver in bytes (drivers/xen/xen-balloon.c)."""
    path = f"{BALLOON}/{name}"
    data = read_optional(source, path)
    return None if data is None else number(path, data) * 1024


MEMORY = Probe(
    name="memory",
    reads=f"{MEMINFO}, {BALLOON}",
    advice="mount procfs and sysfs",
    read=stateless(read),
)
