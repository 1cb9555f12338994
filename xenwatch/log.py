"""The log: structlog to stderr, as JSON for a journal or as text for a console."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from xenwatch.display.text import printable


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send all log output, including that of libraries, to `stream` (default: stderr).

    `level` and `style` are as in the configuration (`log.level`, `log.format`). The time stamp is
    UTC. May be called again to change them.
    """
    stream = cast(TextIO, _Lenient(stream or sys.stderr))
    console = style == "console" or (style == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _one_line,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if console
        else structlog.processors.JSONRenderer(sort_keys=True)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
    )
    # Warnings and errors of libraries only; their progress messages are not for operators.
    logging.basicConfig(level=max(logging.WARNING, _number(level)), handlers=[handler], force=True)


class _Lenient:
    """A stream that drops what cannot be written: a full disk must not stop the daemon.

    Where stderr is closed there is none, and everything is dropped.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text) if self._stream is not None else 0
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _one_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape what is not printable in texts: names of VMs and files are untrusted."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = printable(value)
    return event
