"""`/proc/buddyinfo` (mm/vmstat.c, frag_show_print): free blocks of memory by size."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

PATH: Final = "/proc/buddyinfo"
_ROW: Final = re.compile(rb"Node (\d{1,4}), zone +([A-Za-z0-9]{1,16}) ((?: *\d{1,20} )+)\Z")


@dataclass(frozen=True, slots=True)
class FreeBlocks:
    """A zone's free blocks by order: the first are single pages, each next is twice as large."""

    node: int
    zone: str
    counts: tuple[int, ...]


def parse_buddyinfo(data: bytes) -> tuple[FreeBlocks, ...]:
    """The zones in the file's order. Raises `ParseError`."""
    rows = []
    for line in data.splitlines():
        match = _ROW.match(line)
        if not match:
            raise ParseError(PATH, "expected 'Node N, zone NAME' and counts", line)
        counts = tuple(map(int, match[3].split()))
        rows.append(FreeBlocks(int(match[1]), match[2].decode("ascii"), counts))
    if not rows:
        raise ParseError(PATH, "the file has no line", data)
    return tuple(rows)
