"""The log: structlog to stderr, as JSON for a journal or as text for a console."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import stat
import sys
import threading
from collections import deque
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO, cast

import structlog

from xenwatch.display.text import printable

_DROPPED: Final = {"event": "lines dropped: nobody read stderr", "level": "warning"}


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send all log output, including that of libraries, to `stream` (default: stderr).

    `level` and `style` are as in the configuration (`log.level`, `log.format`). The time stamp is
    UTC. May be called again to change them.
    """
    stream = cast(TextIO, _Lenient(stream or sys.stderr, is_json=style != "console"))
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
    """A stream that drops what cannot be written.

    It never waits, unless another process fills the pipe at that moment: neither a full disk nor a
    journal that hangs may stop the daemon. Where stderr is closed everything is dropped.
    """

    def __init__(self, stream: TextIO | None, *, is_json: bool) -> None:
        self._stream = stream
        self._pipe = _Pipe.of(stream)
        if self._pipe is not None:
            self._pipe.is_json = is_json

    def write(self, text: str) -> int:
        if self._pipe is not None:
            self._pipe.write(text.encode("utf-8", "backslashreplace"))
            return len(text)
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text) if self._stream is not None else 0
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()


class _Pipe:
    """A pipe or socket, of which others may have the file, so that its mode must stay."""

    def __init__(self, descriptor: int, found: os.stat_result) -> None:
        self.is_json = True
        self._descriptor = descriptor
        self._found = found
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._lock = threading.RLock()
        self._is_busy = False
        self._later: deque[bytes] = deque()
        self._rest = b""
        self._dropped = 0

    @classmethod
    def of(cls, stream: TextIO | None) -> _Pipe | None:
        """That of a stream, the same each time; `None` where it is something else."""
        global _newest  # noqa: PLW0603 - what it has not written yet outlives a reload
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                descriptor, found = stream.fileno(), os.fstat(stream.fileno())
                if stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode):
                    if _newest is None or not _newest.is_of(descriptor, found):
                        _newest = cls(descriptor, found)
                    return _newest
        return None

    def is_of(self, descriptor: int, found: os.stat_result) -> bool:
        """Whether it is that of a descriptor with this state."""
        return self._descriptor == descriptor and os.path.samestat(self._found, found)

    def write(self, line: bytes) -> None:
        """Write a line if it can be begun; the rest of it goes before the next one.

        What a finalizer logs meanwhile, in the same thread, comes after it.
        """
        with self._lock:
            self._later.append(line)
            if self._is_busy:
                return
            self._is_busy = True
            try:
                while self._later:
                    self._put(self._later.popleft())
            finally:
                self._is_busy = False

    def _put(self, line: bytes) -> None:
        if not self._sent():
            self._dropped += 1
            return
        self._rest = self._gap() + line
        self._sent()

    def _gap(self) -> bytes:
        """A line about those that were dropped before, if there are any."""
        number, self._dropped = self._dropped, 0
        if not number:
            return b""
        if self.is_json:
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            return json.dumps({**_DROPPED, "number": number, "timestamp": now}).encode() + b"\n"
        return f"{_DROPPED['event']} number={number}\n".encode()

    def _sent(self) -> bool:
        """Whether nothing is left to write. A ready one takes PIPE_BUF bytes at once (pipe(7))."""
        with contextlib.suppress(OSError):
            while self._rest and self._ready.poll(0):
                done = os.write(self._descriptor, self._rest[: select.PIPE_BUF])
                self._rest = self._rest[done:]
        return not self._rest


_newest: _Pipe | None = None


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
