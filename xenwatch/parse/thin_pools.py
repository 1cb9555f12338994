"""`dmsetup status --target thin-pool`: the thin pools of the device mapper.

Fields of a pool: Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst and
drivers/md/dm-thin.c, pool_status. The line around them: LVM2, tools/dmsetup.c, _status.
"""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

SUBJECT: Final = "dmsetup status"
NONE: Final = b"No devices found"
"""All that dmsetup prints where the device mapper has no device."""
FAIL: Final = "Fail"
ERROR: Final = "Error"
METADATA_BLOCK: Final = 4096
"""Bytes of a block of metadata (drivers/md/persistent-data/dm-space-map-metadata.h)."""
_LINE = re.compile(rb"(?:(\S+): )?(\d{1,20}) (\d{1,20}) thin-pool (.*)\Z")
_NUMBERS = re.compile(rb"\d{1,20} (\d{1,20})/(\d{1,20}) (\d{1,20})/(\d{1,20}) (?:-|\d{1,20}) ")
_MODE = re.compile(rb"(rw|ro|out_of_data_space)(?: |\Z)")


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks in use, of so many."""

    used: int
    total: int


@dataclass(frozen=True, slots=True)
class ThinPool:
    """A pool by the name of its device, which is empty where that is the only one there is.

    `sectors` is its length in sectors of 512 bytes, `mode` rw, ro, out_of_data_space, Fail or
    Error. A pool that has failed counts no blocks. Blocks of data have the pool's own size.
    """

    name: str
    sectors: int
    mode: str
    metadata: Blocks | None = None
    data: Blocks | None = None


def parse_thin_pools(data: bytes) -> tuple[ThinPool, ...]:
    """The pools in the order of the lines. Raises `ParseError`."""
    if data.strip() == NONE:
        return ()
    *lines, rest = data.split(b"\n")
    if rest:
        raise ParseError(SUBJECT, "truncated last line", rest)
    return tuple(map(_pool, lines))


def _pool(line: bytes) -> ThinPool:
    match = _LINE.match(line)
    if not match:
        raise ParseError(SUBJECT, "expected name, start, length and thin-pool", line)
    name = (match[1] or b"").decode("utf-8", "backslashreplace")
    sectors, status = int(match[3]), match[4].strip()
    if status in (FAIL.encode(), ERROR.encode()):
        return ThinPool(name, sectors, status.decode())
    numbers = _NUMBERS.match(status)
    mode = _MODE.match(status, numbers.end()) if numbers else None
    if not numbers or not mode:
        raise ParseError(SUBJECT, "expected blocks of metadata and data, and the mode", line)
    used_metadata, metadata, used, total = (int(numbers[n]) for n in range(1, 5))
    if used_metadata > metadata or used > total:
        raise ParseError(SUBJECT, "expected no more blocks used than there are", line)
    return ThinPool(
        name, sectors, mode[1].decode(), Blocks(used_metadata, metadata), Blocks(used, total)
    )
