"""The line of numbers returned by a source's `adjtimex`."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

MAXERROR_LIMIT: Final = 16_000_000
"""NTP_PHASE_LIMIT in microseconds (linux/timex.h): more error the kernel does not count."""
_NUMBERS = re.compile(rb"(\d{1,20}) (\d{1,20})\n\Z")


@dataclass(frozen=True, slots=True)
class Timex:
    """Microseconds: the most the clock may be wrong by, and how much it is estimated to be.

    The kernel adds 500 microseconds a second to the first, until a time daemon sets both; at boot
    and after somebody has set the time it is `MAXERROR_LIMIT` (kernel/time/ntp.c, second_overflow
    and ntp_clear).
    """

    maxerror: int
    esterror: int


def parse_timex(data: bytes) -> Timex:
    """The two numbers. Raises `ParseError`."""
    match = _NUMBERS.match(data)
    if not match:
        raise ParseError("adjtimex", "expected two numbers", data)
    return Timex(int(match[1]), int(match[2]))
