"""The configuration keys of the record of the past."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import converters
from xenwatch.config.key import Key

ENABLED: Final[Key[bool]] = Key(
    "record.enabled",
    "boolean",
    True,
    "Keep what is read in systemd's state directory, so that a moment of the past can be looked at "
    "with --source record@TIME. Without a state directory nothing is kept.",
    converters.boolean,
    restart=True,
)
SIZE: Final[Key[int]] = Key(
    "record.max_megabytes",
    "integer",
    200,
    "Max size of the record in megabytes; the oldest is removed first.",
    converters.integer(1, 1_000_000),
    restart=True,
)
DAYS: Final[Key[int]] = Key(
    "record.max_days",
    "integer",
    7,
    "Days after which a moment is removed.",
    converters.integer(1, 3650),
    restart=True,
)

KEYS: Final[tuple[Key[Any], ...]] = (ENABLED, SIZE, DAYS)
"""Every key of the record."""
