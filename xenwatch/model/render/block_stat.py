"""`/sys/dev/block/MAJOR:MINOR/stat` (block/genhd.c, part_stat_show), as from Linux 5.5 on."""

from __future__ import annotations

from xenwatch.parse.block_stat import BlockStat


def render_block_stat(stat: BlockStat) -> bytes:
    """The file of a device that has only read."""
    numbers = [stat.completed, *[0] * 7, stat.in_flight, *[0] * 8]
    return (" ".join(f"{number:8}" for number in numbers) + "\n").encode("ascii")
