"""The line of numbers a source's `statvfs` verb answers with."""

from __future__ import annotations

from dataclasses import dataclass

from xenwatch.parse.errors import ParseError


@dataclass(frozen=True, slots=True)
class Statvfs:
    """statvfs(3): fragment size in bytes, then blocks (of that size) and inodes."""

    frsize: int
    blocks: int
    bfree: int
    bavail: int
    files: int
    ffree: int


def parse_statvfs(subject: str, data: bytes) -> Statvfs:
    """The six numbers. Raises `ParseError`."""
    fields = data.split()
    if len(fields) != 6 or not all(field.isdigit() for field in fields):
        raise ParseError(subject, "expected six numbers of statvfs", data)
    return Statvfs(*map(int, fields))
