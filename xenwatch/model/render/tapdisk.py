"""The page of statistics tapdisk3 keeps of a virtual disk."""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import Final

from xenwatch.parse.tapdisk import LAYOUT, TapdiskStats

PAGE: Final = 4096
_WORDS: Final = attrgetter(*TapdiskStats.__slots__)
_COUNTERS: Final = struct.Struct("<12Q")


def render_vdi(stats: TapdiskStats) -> bytes:
    """`/dev/shm/td3-PID/vdi-MINOR`: version 0, counters without I/O errors and flags, the rest.

    struct stats (include/blktap3.h of blktap).
    """
    reads = stats.read_reqs, stats.read_done, stats.read_sectors, stats.read_us
    writes = stats.write_reqs, stats.write_done, stats.write_sectors, stats.write_us
    return _COUNTERS.pack(0, stats.out_of_requests, *reads, *writes, 0, 0).ljust(PAGE, b"\0")


def render_tapdisk(stats: TapdiskStats) -> bytes:
    """`/dev/shm/vbd3-DOMID-DEVID/statistics`: the words, and the page's rest."""
    return LAYOUT.pack(*_WORDS(stats)).ljust(PAGE, b"\0")
