"""`/sys/dev/block/MAJOR:MINOR/stat`: requests of a block device.

Linux, Documentation/block/stat.rst: 11 numbers, 15 from Linux 4.18 on, 17 from 5.5 on.
"""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_NUMBER = re.compile(rb"\d{1,20}")
_COMPLETED: Final = (0, 4, 11, 15)
"""Places of reads, writes, discards and flushes completed."""
_IN_FLIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class BlockStat:
    """Requests completed since the device was made, and those in flight now."""

    completed: int
    in_flight: int


def parse_block_stat(path: str, data: bytes) -> BlockStat:
    """The numbers of the file at `path`. Raises `ParseError`."""
    fields = data.split()
    if len(fields) < 11 or not all(map(_NUMBER.fullmatch, fields)):
        raise ParseError(path, "expected eleven numbers or more", data)
    numbers = tuple(map(int, fields))
    completed = sum(numbers[place] for place in _COMPLETED if place < len(numbers))
    return BlockStat(completed, numbers[_IN_FLIGHT])
