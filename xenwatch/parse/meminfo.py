"""`/proc/meminfo` (fs/proc/meminfo.c)."""

from __future__ import annotations

import re

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_ROW = re.compile(rb"([A-Za-z0-9_()]+): +(\d{1,20})( kB)?\Z")


@dataclass(frozen=True, slots=True)
class MeminfoRow:
    """One line: the kernel's name, the number and whether it counts kibibytes."""

    name: str
    value: int
    kib: bool


def parse_meminfo(data: bytes) -> tuple[MeminfoRow, ...]:
    """The rows in the file's order. Raises `ParseError` for any other line."""
    rows = []
    for line in data.splitlines():
        match = _ROW.match(line)
        if not match:
            raise ParseError("/proc/meminfo", "expected 'Name: number kB'", line)
        rows.append(MeminfoRow(match[1].decode("ascii"), int(match[2]), match[3] is not None))
    if not rows:
        raise ParseError("/proc/meminfo", "the file is empty")
    return tuple(rows)


def sizes(rows: tuple[MeminfoRow, ...]) -> dict[str, int]:
    """Bytes by name, for the rows that are sizes."""
    return {row.name: row.value * 1024 for row in rows if row.kib}
