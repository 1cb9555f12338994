"""The line of numbers returned by a source's `statvfs`."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_NUMBER = re.compile(rb"\d{1,20}")
_LARGEST: Final = 1 << 64
"""Bytes, 16 EiB: a bound of xenwatch. Larger numbers are damaged or made up."""


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
    """The six numbers.

    Raises `ParseError` for more free or available than there is, and for more than 16 EiB.
    """
    fields = data.split()
    if len(fields) != 6 or not all(map(_NUMBER.fullmatch, fields)):
        raise ParseError(subject, "expected six numbers of statvfs", data)
    found = Statvfs(*map(int, fields))
    if max(found.bfree, found.bavail) > found.blocks or found.ffree > found.files:
        raise ParseError(subject, "more free than there are", data)
    if found.frsize * found.blocks > _LARGEST:
        raise ParseError(subject, "larger than 16 EiB", data)
    return found
