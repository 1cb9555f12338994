"""A virtual disk's page of statistics that tapdisk3 keeps in shared memory."""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

LAYOUT: Final = struct.Struct("<14Q")
"""struct blkback_stats (include/blktap3.h of blktap)."""


@dataclass(frozen=True, slots=True)
class TapdiskStats:
    """The words of the page in their order.

    `*_reqs` are requests received, `*_done` completed, `*_us` is the sum and `*_max_us` the
    longest of the microseconds in between; a sector is 512 bytes. `out_of_requests` counts how
    often a request had to wait because too many were in flight.
    """

    discards: int
    flushes: int
    out_of_requests: int
    read_reqs: int
    read_done: int
    read_sectors: int
    read_us: int
    read_max_us: int
    write_reqs: int
    write_done: int
    write_sectors: int
    write_us: int
    write_max_us: int
    flags: int


def parse_tapdisk(data: bytes) -> TapdiskStats:
    """`/dev/shm/vbd3-DOMID-DEVID/statistics`; the page's rest is 0. Raises `ParseError`."""
    if len(data) < LAYOUT.size:
        raise ParseError("statistics of a tapdisk", f"expected {LAYOUT.size} bytes", data)
    return TapdiskStats(*LAYOUT.unpack_from(data))
