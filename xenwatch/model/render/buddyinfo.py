"""`/proc/buddyinfo` (mm/vmstat.c, frag_show_print)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.buddyinfo import FreeBlocks


def render_buddyinfo(rows: Iterable[FreeBlocks]) -> bytes:
    """The file with these zones."""
    return "".join(map(_row, rows)).encode("ascii")


def _row(row: FreeBlocks) -> str:
    counts = "".join(f"{count:>6} " for count in row.counts)
    return f"Node {row.node}, zone {row.zone:>8} {counts}\n"
