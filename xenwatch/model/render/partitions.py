"""`/proc/partitions` (block/genhd.c, show_partition)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.partitions import Partition

_HEADER = "major minor  #blocks  name\n\n"


def render_partitions(partitions: Iterable[Partition]) -> bytes:
    """The file with these devices."""
    lines = (
        f"{device.major:4}  {device.minor:7} {device.blocks:10} {device.name}\n"
        for device in partitions
    )
    return (_HEADER + "".join(lines)).encode("ascii")
