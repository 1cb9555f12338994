"""`/proc/net/stat/arp_cache` and `ndisc_cache` (net/core/neighbour.c, neigh_stat_seq_show)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError

_ENTRIES: Final = re.compile(rb"entries +[a-z_ ]+\n([0-9a-f]{8,16}) ")


def parse_neighbours(subject: str, data: bytes) -> int:
    """Entries of the table, which each CPU's line begins with. Raises `ParseError`."""
    match = _ENTRIES.match(data)
    if not match:
        raise ParseError(subject, "expected a heading and lines of hexadecimal numbers", data)
    return int(match[1], 16)
