"""The configuration keys of maintenance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from xenwatch.alerts.maintenance import LONGEST_REASON
from xenwatch.config import converters
from xenwatch.config.key import FileUse, Key


def until(value: object) -> str:
    """A date and time with its zone, or empty."""
    if value == "":
        return ""
    try:
        # TOML has dates of its own, with or without quotes.
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        in_utc = found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise ValueError("must be a date and time with its zone such as 2026-01-31T14:00:00Z")
    return in_utc.isoformat()


def reason(value: object) -> str:
    """A short text."""
    text = converters.text(value)
    if len(text) > LONGEST_REASON:
        raise ValueError(f"must be at most {LONGEST_REASON} characters")
    return text


UNTIL: Final[Key[str]] = Key(
    "maintenance.until",
    "string",
    "",
    "Date and time until which the host is in maintenance and its alerts notify nobody, such as "
    "2026-01-31T14:00:00Z; empty: only what xenwatch maintenance sets.",
    until,
)
REASON: Final[Key[str]] = Key(
    "maintenance.reason",
    "string",
    "",
    "Reason of the maintenance, shown with it.",
    reason,
)
MAINTENANCE_FILE: Final[Key[str]] = Key(
    "maintenance.file",
    "string",
    "/var/lib/xenwatch/maintenance.json",
    "File that xenwatch maintenance writes and the daemon follows.",
    converters.absolute_path,
    restart=True,
    file=FileUse.FOLLOW,
)

KEYS: Final = (UNTIL, REASON, MAINTENANCE_FILE)
"""Every key of maintenance."""
