"""Times on the pages."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from xenwatch.page.html import Html, tag


def moment(time: float) -> Html:
    """A moment in UTC, to the second."""
    at = datetime.fromtimestamp(time, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def short(time: float) -> str:
    """A moment as an axis has it."""
    return f"{datetime.fromtimestamp(time, UTC):%m-%d %H:%M} UTC"


def asked(time: float) -> str:
    """A moment as `?at=` has it, to the millisecond and not before; no character needs quoting."""
    seconds, thousandth = divmod(math.ceil(round(time * 1000, 3)), 1000)
    part = f".{thousandth:03d}" if thousandth else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{part}Z"
