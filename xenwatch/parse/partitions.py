"""`/proc/partitions` (block/genhd.c, show_partition): block devices that have a size."""

from __future__ import annotations

import re

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

HEADER = b"major minor  #blocks  name\n\n"
_ROW = re.compile(rb" *(\d{1,20}) +(\d{1,20}) +(\d{1,20}) (\S+)\Z")


@dataclass(frozen=True, slots=True)
class Partition:
    """One block device: numbers, size in blocks of 1 KiB and the kernel's name."""

    major: int
    minor: int
    blocks: int
    name: str


def parse_partitions(data: bytes) -> tuple[Partition, ...]:
    """The devices in the file's order. Raises `ParseError`."""
    if not data.startswith(HEADER):
        raise ParseError("/proc/partitions", "expected the header and an empty line", data)
    *lines, rest = data[len(HEADER) :].split(b"\n")
    if rest:
        raise ParseError("/proc/partitions", "truncated last line", rest)
    return tuple(map(_row, lines))


def _row(line: bytes) -> Partition:
    match = _ROW.match(line)
    if not match:
        raise ParseError("/proc/partitions", "expected major, minor, blocks and name", line)
    name = match[4].decode("ascii", "backslashreplace")
    return Partition(int(match[1]), int(match[2]), int(match[3]), name)
