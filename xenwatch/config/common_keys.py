"""The configuration keys that most commands have as options too: the source, and the log."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import converters
from xenwatch.config.key import FileUse, Key

LOG_LEVEL: Final[Key[str]] = Key(
    "log.level",
    "string",
    "info",
    "Minimum severity of messages logged: debug, info, warning or error.",
    converters.choice("debug", "info", "warning", "error"),
    flag="--log.level",
)
LOG_FORMAT: Final[Key[str]] = Key(
    "log.format",
    "string",
    "auto",
    "Log format: json, console or auto (console on a terminal, otherwise json).",
    converters.choice("auto", "json", "console"),
    flag="--log.format",
)
SOURCE: Final[Key[str]] = Key(
    "source.kind",
    "string",
    "host",
    "Source of the readings: host, reader[:PATH] (the host, through the process xenwatch reader, "
    "which runs as root), synthetic[:NAME] (simulated), tree:DIR (a capture), "
    "record[:PATH][@TIME] (a moment of the past; not for the daemon), or auto (host on a Xen dom0, "
    "otherwise synthetic).",
    converters.source,
    flag="--source",
    restart=True,
)
ROOTFS: Final[Key[str]] = Key(
    "source.rootfs",
    "string",
    "/",
    "Root directory of the host's /proc, /sys and /var.",
    converters.absolute_path,
    flag="--path.rootfs",
    restart=True,
    file=FileUse.DIRECTORY,
)

LOGGING: Final[tuple[Key[Any], ...]] = (LOG_LEVEL, LOG_FORMAT)
HOST: Final[tuple[Key[Any], ...]] = (SOURCE, ROOTFS)
