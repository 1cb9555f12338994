"""Times on the pages."""

from __future__ import annotations

from datetime import UTC, datetime

from xenwatch.page.html import Html, tag


def moment(time: float) -> Html:
    """A moment in UTC, to the second."""
    at = datetime.fromtimestamp(time, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")
