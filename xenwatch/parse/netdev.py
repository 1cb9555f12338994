"""`/proc/net/dev` (net/core/net-procfs.c)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.errors import ParseError

RX_ERRORS: Final = 2
RX_DROPPED: Final = 3
TX_ERRORS: Final = 10
TX_DROPPED: Final = 11
_NUMBERS = re.compile(rb" *\d{1,20}(?: +\d{1,20}){15}\Z")


def parse_net_dev(data: bytes) -> Mapping[str, tuple[int, ...]]:
    """Counters by interface: bytes, packets, errors, dropped, ... received, then sent.

    A name's undecodable bytes are surrogates. Raises `ParseError`.
    """
    lines = data.split(b"\n")
    if len(lines) < 3 or b"|" not in lines[1]:
        raise ParseError("/proc/net/dev", "expected two lines of header", data)
    found = {}
    for line in lines[2:-1]:
        name, _, numbers = line.rpartition(b":")
        if not _NUMBERS.match(numbers):
            raise ParseError("/proc/net/dev", "expected a name and 16 numbers", line)
        text = name.lstrip(b" ").decode("utf-8", "surrogateescape")
        found[text] = tuple(map(int, numbers.split()))
    return found
