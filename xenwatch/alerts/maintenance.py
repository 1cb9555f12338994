"""Maintenance: a time in which a host is worked on, and its alerts notify nobody.

It is set by `xenwatch maintenance` in a file, or in the configuration, always with an end, so that
one that is forgotten ends by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from xenwatch.display.why import why
from xenwatch.values import dataclass

FILE_LIMIT: Final = 4096
LONGEST: Final = 7 * 86400.0
"""Max seconds from now that the command accepts."""
LONGEST_REASON: Final = 200
LATEST: Final = 1 << 37
"""A Unix time in the year 6325: beyond 9999 there is no date."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Until when (Unix time), and why; the reason may be empty."""

    until: float
    reason: str = ""

    def __str__(self) -> str:
        """As a text: `in maintenance until 2026-01-31 14:00 UTC: new disks`."""
        end = f"in maintenance until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M UTC}"
        return f"{end}: {self.reason}" if self.reason else end


def current(every: Iterable[Maintenance], now: float) -> Maintenance | None:
    """Of those that have not ended the one that ends last, `None` if there is none."""
    return max((one for one in every if one.until > now), key=lambda one: one.until, default=None)


def dumps(maintenance: Maintenance) -> str:
    """The content of the file."""
    return json.dumps(asdict(maintenance)) + "\n"


def loads(data: bytes) -> Maintenance:
    """What `dumps` wrote. Raises `ValueError` for anything else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(why(error)) from None
    if not isinstance(document, dict):
        raise ValueError("is not an object")
    until, reason = document.get("until"), document.get("reason", "")
    if isinstance(until, bool) or not isinstance(until, int | float) or not 0 <= until < LATEST:
        raise ValueError("until is not a Unix time")
    if not isinstance(reason, str):
        raise ValueError("reason is not a text")
    return Maintenance(float(until), reason[:LONGEST_REASON])
