"""`/proc/PID/limits` (fs/proc/base.c, proc_pid_limits)."""

from __future__ import annotations

import functools
import re

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

OPEN_FILES = "Max open files"
_HEADER = re.compile(rb"Limit +Soft Limit +Hard Limit +Units *\Z")
_ROW = re.compile(rb"(Max [a-z ]*?[a-z]) +(\d{1,20}|unlimited) +(\d{1,20}|unlimited) +([a-z]*) *\Z")


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """One row: name, soft and hard limit (`None`: unlimited) and unit (may be empty)."""

    name: str
    soft: int | None
    hard: int | None
    unit: str


@functools.lru_cache(maxsize=16)  # of all daemons, in every pass
def parse_limits(data: bytes) -> tuple[ResourceLimit, ...]:
    """The rows in the file's order. Raises `ParseError`."""
    lines = data.splitlines()
    if not lines or not _HEADER.match(lines[0]):
        raise ParseError("/proc/PID/limits", "expected the header line", data)
    return tuple(_row(line) for line in lines[1:])


def soft_open_files(rows: tuple[ResourceLimit, ...]) -> int | None:
    """The soft limit of open files, `None` when unlimited. Raises `ParseError` without the row."""
    for row in rows:
        if row.name == OPEN_FILES:
            return row.soft
    raise ParseError("/proc/PID/limits", f"row {OPEN_FILES!r} is missing")


def _row(line: bytes) -> ResourceLimit:
    match = _ROW.match(line)
    if not match:
        raise ParseError("/proc/PID/limits", "expected name, soft, hard and unit", line)
    return ResourceLimit(match[1].decode(), _bound(match[2]), _bound(match[3]), match[4].decode())


def _bound(text: bytes) -> int | None:
    return None if text == b"unlimited" else int(text)
