"""`/proc/partitions` as the kernel writes it."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.partitions import HEADER, Partition


def render_partitions(partitions: Iterable[Partition]) -> bytes:
    """The file with these devices (block/genhd.c: "%4d  %7d %10llu %pg")."""
    rows = (f"{one.major:4}  {one.minor:7} {one.blocks:10} {one.name}\n" for one in partitions)
    return HEADER + "".join(rows).encode("ascii")
