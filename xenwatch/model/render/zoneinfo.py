"""`/proc/zoneinfo` (mm/vmstat.c, zoneinfo_show_print), without counters and pages by CPU."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.zoneinfo import Zone


def render_zoneinfo(zones: Iterable[Zone]) -> bytes:
    """The file with these zones."""
    return "".join(map(_zone, zones)).encode("ascii")


def _zone(zone: Zone) -> str:
    return (
        f"Node {zone.node}, zone {zone.name:>8}\n"
        f"  pages free     {zone.free}\n"
        f"        min      {zone.min}\n"
        f"        low      {zone.low}\n"
        f"        high     {zone.high}\n"
        f"        protection: ({', '.join(map(str, zone.protection))})\n"
    )
