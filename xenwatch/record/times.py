"""Times as typed by people: `03:12`, `2026-01-31 03:12:07 UTC`, `15m` ago, or Unix time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from xenwatch.display.text import shown

_AGO: Final = re.compile(r"-?([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CLOCK: Final = re.compile(r"([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(Z?)")
_UTC: Final = re.compile(r" ?UTC$")
"""The end of a time as xenwatch prints it: what is shown can be given back."""
_UNIX: Final = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,6})?")
FORMS: Final = "03:12, 03:12Z (UTC), 2026-01-31T03:12, 15m (that long ago), or a Unix time"
"""What a time may look like, for messages."""
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""The last second that has a date; no record is from before 1970."""


def parse(text: str, now: float) -> float:
    """A time as Unix time, of the years 1970 to 9999. Raises `ValueError`.

    Without a time zone it is local time; without a date it is the latest such time.
    """
    found = _parsed(text, now)
    if not 0 <= found <= _END:
        raise ValueError(f"{shown(text)} is not between the years 1970 and 9999")
    return found


def _parsed(text: str, now: float) -> float:
    if found := _AGO.fullmatch(text):
        return now - int(found[1]) * _SECONDS[found[2]]
    if _UNIX.fullmatch(text):
        return float(text)
    # Those without a zone are local: datetime.timestamp.
    try:
        plain = _UTC.sub("Z", text)
        if not (found := _CLOCK.fullmatch(plain)):
            return datetime.fromisoformat(plain).timestamp()
        clock = time.fromisoformat(found[1].rjust(5 if found[1].count(":") == 1 else 8, "0"))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{shown(text)} is not a time such as {FORMS}") from None
    zone = UTC if found[2] else None
    today = datetime.fromtimestamp(now, zone).date()
    # When clocks are set back an hour comes twice: the second is the one with the fold.
    times = [
        datetime.combine(day, clock.replace(fold=fold, tzinfo=zone)).timestamp()
        for day in (today, today - timedelta(days=1))
        for fold in (1, 0)
    ]
    return next(one for one in times if one <= now)
