"""The configuration keys of the record of the past."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import converters
from xenwatch.config.key import Key

ENABLED: Final[Key[bool]] = Key(
    "record.enabled",
    "boolean",
    True,
    "Record every pass in the directory record below systemd's state directory, to look at the "
    "host as it was with --source record@TIME. Without a state directory nothing is recorded.",
    converters.boolean,
    restart=True,
)
SIZE: Final[Key[int]] = Key(
    "record.max_megabytes",
    "integer",
    200,
    "Maximum size of the record, in megabytes; the oldest moments are removed first.",
    converters.integer(1, 1_000_000),
    restart=True,
)
DAYS: Final[Key[int]] = Key(
    "record.max_days",
    "integer",
    7,
    "Maximum age of the record, in days.",
    converters.integer(1, 3650),
    restart=True,
)

KEYS: Final[tuple[Key[Any], ...]] = (ENABLED, SIZE, DAYS)
"""Every key of the record."""
