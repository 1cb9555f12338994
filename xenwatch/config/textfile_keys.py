"""The configuration keys of the file for node_exporter's textfile collector."""

from __future__ import annotations

from typing import Final

from xenwatch.config import converters
from xenwatch.config.key import FileUse, Key


def directory(value: object) -> str:
    """An absolute path, or empty."""
    return converters.absolute_path(value) if value != "" else ""


DIRECTORY: Final[Key[str]] = Key(
    "textfile.directory",
    "string",
    "",
    "Write the metrics to xenwatch.prom in this directory, for node_exporter's textfile collector. "
    "The daemon then listens only if web.listen_addresses is set. Empty: no file.",
    directory,
    flag="--textfile",
    restart=True,
    file=FileUse.FILL,
)
INTERVAL: Final[Key[float]] = Key(
    "textfile.interval",
    "number",
    10.0,
    "Minimum time between two writes of the file, in seconds.",
    converters.seconds,
    restart=True,
)

KEYS: Final = (DIRECTORY, INTERVAL)
"""Every key of the file."""
