"""What is said between the reader, which runs as root, and the front: frames on a Unix socket.

A frame is its length, four bytes in network order, and so many bytes. The reader greets, then the
front asks and the reader answers, in turn; after a question for events come answers without end.

- The greeting is JSON: `reader` (`VERSION`), `source` (what is served), `origin` (`kind` and
  `captured` of it), or an error as below.
- A question is JSON: verb, arguments and bound (bytes of a read, seconds of a command, or null).
  Verbs and arguments are those of a capture (`xenwatch.sources.tree`): bytes are strings of the
  code points 0 to 255, argument blocks of hypercalls are hexadecimal.
- An answer is its kind, the CPU seconds that it cost, the length of a head in JSON, the head, and
  the bytes as the kernel or Xen gave them. Before it may come `WORKING`, any number of times: the
  question takes long, but it gets on.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

from xenwatch.readings.origin import READER, SYNTHETIC, Origin, is_date
from xenwatch.sources.base import NotCaptured, SourceError

SOCKET: Final = "/run/xenwatch-reader.sock"
VERSION: Final = 1
QUESTION_MAX: Final = 1 << 20
"""Bytes: the largest hypercall is 64 KiB, twice as much in hexadecimal."""
ANSWER_MAX: Final = 65 << 20
"""Bytes: the longest answer of a source is a dump of links of 64 MiB."""
HISTOGRAMS: Final = "histograms"
"""The verb that sets up and removes the histograms in tracefs; no source has it."""
SET_UP: Final = "set_up"
REMOVE: Final = "remove"
EVENTS: Final = "events"
AHEAD: Final = "ahead"
"""The verb for several paths of `read` or `stat`, which are its arguments behind that word."""
AHEAD_MAX: Final = 512
PREFIX: Final = 4
"""Bytes of the length before a frame."""

_LENGTH: Final = struct.Struct("!I")
_HEAD: Final = struct.Struct("!BdI")
_CHUNK: Final = 1 << 16
_ANSWER: Final = 0
_SECONDS_MAX: Final = 3600.0
WORKING: Final = _LENGTH.pack(1) + b"\x04"
"""The frame that says a question is worked on: its kind alone, which no answer has."""
SUBJECT: Final = "reader"
"""What errors of the connection are about."""
MALFORMED: Final = (ValueError, TypeError, LookupError, OverflowError)
"""What Python raises where JSON of another shape is taken apart; `Infinity` is no `int`."""


class FrameError(Exception):
    """What was received is no frame of this protocol."""


class Refused(SourceError):
    """The reader does not answer this: it is not on its list of questions."""


_ERRORS: Final = {1: NotCaptured, 2: Refused, 3: SourceError}
"""Errors by the kind of their frame."""


def receive(
    connection: socket.socket, most: int, *, rest: float | None = None, until: float | None = None
) -> bytes:
    """The next frame of at most so many bytes; empty where the stream has ended before it.

    `rest` is the seconds for what follows the first bytes, of a socket that waits for those without
    end; `until` (monotonic) is when to give up. Raises `FrameError`, `OSError`.
    """
    data = bytearray(connection.recv(_CHUNK))
    if not data or _is_whole(data, most):
        return bytes(memoryview(data)[PREFIX:])
    if rest is not None:
        until = time.monotonic() + rest
        connection.settimeout(rest)
    while not _is_whole(data, most):
        if until is not None and time.monotonic() > until:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        chunk = connection.recv(_CHUNK)
        if not chunk:
            raise FrameError("ended within a frame")
        data += chunk
    if rest is not None:
        connection.settimeout(None)
    return bytes(memoryview(data)[PREFIX:])


def _is_whole(data: bytearray, most: int) -> bool:
    """Whether the bytes are one frame. Raises `FrameError` where they are more, or none."""
    if len(data) < PREFIX:
        return False
    left = PREFIX + length_of(bytes(data[:PREFIX]), most) - len(data)
    if left < 0:
        raise FrameError("more than one frame at a time")
    return not left


def receive_answer(connection: socket.socket, most: int, seconds: float) -> bytes:
    """The frame of an answer of at most so many bytes; empty where the stream has ended before it.

    It has so many seconds, which begin anew with each `WORKING`; the socket waits as long for each
    of its bytes. Raises `FrameError`, `OSError`.
    """
    data, until = bytearray(), time.monotonic() + seconds
    while not _is_whole(data, most):
        if time.monotonic() > until:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        chunk = connection.recv(_CHUNK)
        if not chunk and data:
            raise FrameError("ended within a frame")
        if not chunk:
            return b""
        data += chunk
        while data.startswith(WORKING):
            del data[: len(WORKING)]
            until = time.monotonic() + seconds
    return bytes(memoryview(data)[PREFIX:])


def framed(content: bytes) -> bytes:
    """The content with its length before it."""
    return _LENGTH.pack(len(content)) + content


def length_of(prefix: bytes, most: int) -> int:
    """The length of a frame by its first four bytes. Raises `FrameError`."""
    length: int = _LENGTH.unpack(prefix)[0]
    if not 0 < length <= most:
        raise FrameError(f"a frame of {length} bytes: must be 1 to {most}")
    return length


def greeting(source: str, origin: Origin) -> bytes:
    """The first frame of a reader that serves `source`, which is of that origin."""
    behind = {"kind": SYNTHETIC if origin.invented else origin.kind, "captured": origin.captured}
    return framed(json.dumps({"reader": VERSION, "source": source, "origin": behind}).encode())


def parse_greeting(frame: bytes) -> Origin:
    """What the reader serves. Raises `SourceError` where it rejects the connection."""
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        found = None
    match found:
        case {"error": str(reason)}:
            raise SourceError(SUBJECT, reason)
        case {
            "reader": 1,
            "source": str(source),
            "origin": {"kind": str(behind), "captured": captured},
        } if captured is None or is_date(captured):
            return Origin(READER, source, captured, behind)
        case {"reader": version} if version != VERSION:
            reason = f"speaks version {version!r:.20}, must be {VERSION}; restart both services"
            raise SourceError(SUBJECT, reason)
    raise SourceError(SUBJECT, "the process on the socket is not xenwatch reader")


def rejection(reason: str) -> bytes:
    """The first frame, and the only one, on a connection that is rejected."""
    return framed(json.dumps({"error": reason}).encode())


def question(verb: str, arguments: Sequence[Any], bound: float | None = None) -> bytes:
    """A question as a frame. Raises `SourceError` for one that is too long."""
    content = json.dumps([verb, arguments, bound]).encode()
    if len(content) > QUESTION_MAX:
        raise SourceError(verb, f"a question of {len(content)} bytes exceeds {QUESTION_MAX}")
    return framed(content)


def parse_question(frame: bytes) -> tuple[str, list[Any], float | int | None]:
    """Verb, arguments and bound. Raises `FrameError`."""
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise FrameError("a question that is not JSON") from error
    match found:
        case [str(verb), list(arguments), None | int() | float() as bound]:
            return verb, arguments, bound
    raise FrameError("a question must be a verb, arguments and a bound")


def answer(head: Any, body: bytes, seconds: float) -> bytes:
    """The frame of an answer that cost so many CPU seconds; a head of `None` is none."""
    raw = b"" if head is None else json.dumps(head).encode()
    if len(raw) + len(body) + _HEAD.size > ANSWER_MAX:
        return failure(SourceError(SUBJECT, f"an answer of {len(body)} bytes is too long"), seconds)
    return framed(_HEAD.pack(_ANSWER, seconds, len(raw)) + raw + body)


def failure(error: SourceError, seconds: float) -> bytes:
    """The frame of an error."""
    kind, *fields = error_fields(error)
    raw = json.dumps(fields).encode()
    return framed(_HEAD.pack(kind, seconds, len(raw)) + raw)


def error_fields(error: SourceError) -> tuple[int, str, str, int]:
    """The kind of an error, its subject, reason and number."""
    kind = next(kind for kind, made in _ERRORS.items() if isinstance(error, made))
    return kind, error.subject, error.reason, error.errno


def error_of(kind: int, subject: Any, reason: Any, number: Any) -> SourceError:
    """The error of its fields. Raises those of `MALFORMED`."""
    return _ERRORS[kind](str(subject), str(reason), int(number))


def parse_answer(frame: bytes) -> tuple[float, Any, bytes]:
    """CPU seconds, head and body of an answer; the head of an error is a `SourceError`.

    Raises `FrameError`.
    """
    try:
        kind, seconds, length = _HEAD.unpack_from(frame)
        raw, body = frame[_HEAD.size : _HEAD.size + length], frame[_HEAD.size + length :]
        head: Any = json.loads(raw) if raw else None
        if kind != _ANSWER:
            subject, reason, number = head
            head = error_of(kind, subject, reason, number)
    except (*MALFORMED, struct.error, RecursionError) as error:
        raise FrameError("an answer of unknown form") from error
    return (seconds if 0 <= seconds < _SECONDS_MAX else 0.0), head, body
