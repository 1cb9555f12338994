"""The answers of a source as head and body of a frame, and back, by verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from xenwatch.sources.base import (
    BatchReply,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
)
from xenwatch.sources.frames import (
    AHEAD,
    EVENTS,
    HISTOGRAMS,
    MALFORMED,
    FrameError,
    error_fields,
    error_of,
)
from xenwatch.values import dataclass

Parts = Sequence[tuple[int, bytes]]
"""Pairs of a number and bytes: their head is the numbers and lengths, their body all bytes."""


@dataclass(frozen=True, slots=True)
class Codec:
    """`encode` makes head and body of an answer, `decode` the answer of them.

    `decode` raises those of `frames.MALFORMED`.
    """

    encode: Callable[[Any], tuple[Any, bytes]]
    decode: Callable[[Any, bytes], Any]


def encode(verb: str, value: Any) -> tuple[Any, bytes]:
    """Head and body of what a source returned."""
    return CODECS[verb].encode(value)


def decode(verb: str, head: Any, body: bytes) -> Any:
    """What the source returned. Raises `FrameError`."""
    try:
        return CODECS[verb].decode(head, body)
    except MALFORMED as error:
        raise FrameError(f"an answer to {verb} of unknown form") from error


def call_of(arguments: Any) -> Hypercall:
    """The hypercall of a request's arguments (see `tree.hypercall_arguments`).

    Raises `ValueError`, `TypeError`.
    """
    number, args, block, links = arguments
    pairs = tuple((_number(place), _number(target)) for place, target in links)
    return Hypercall(_number(number), tuple(map(_number, args)), bytes.fromhex(block), pairs)


def _packed(parts: Parts) -> tuple[Any, bytes]:
    return [[number, len(raw)] for number, raw in parts], b"".join(raw for _, raw in parts)


def _unpacked(head: Any, body: bytes) -> list[tuple[int, bytes]]:
    parts, place = [], 0
    for number, length in head:
        if _number(length) < 0 or place + length > len(body):
            raise ValueError(length)
        parts.append((_number(number), body[place : place + length]))
        place += length
    if place != len(body):
        raise ValueError(place)
    return parts


def _raw(head: Any, body: bytes) -> bytes:
    if head is not None:
        raise ValueError(head)
    return body


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _command(head: Any, body: bytes) -> CommandOutput:
    (status, stdout), (_, stderr) = _unpacked(head, body)
    return CommandOutput(status, stdout, stderr)


def _xenstore(head: Any, body: bytes) -> XenstoreReply:
    [reply] = _unpacked(head, body)
    return XenstoreReply(*reply)


def _batch(head: Any, body: bytes) -> BatchReply:
    (_, results), (_, block) = _unpacked(head, body)
    return BatchReply(results, block)


def _with_errors(answers: Sequence[bytes | SourceError]) -> tuple[Any, bytes]:
    head = [error_fields(each) if isinstance(each, SourceError) else len(each) for each in answers]
    return head, b"".join(each for each in answers if isinstance(each, bytes))


def _or_errors(head: Any, body: bytes) -> tuple[bytes | SourceError, ...]:
    lengths = [[0, each] for each in head if type(each) is int]
    parts = iter(_unpacked(lengths, body))
    return tuple(next(parts)[1] if type(each) is int else error_of(*each) for each in head)


_RAW: Final = Codec(lambda value: (None, value), _raw)
CODECS: Final[Mapping[str, Codec]] = {
    **dict.fromkeys(
        (
            *("read", "kernel_log", "certificates", "stat", "statvfs", "uname", "adjtimex"),
            *("links", "taskstats"),
        ),
        _RAW,
    ),
    EVENTS: _RAW,
    AHEAD: Codec(_with_errors, _or_errors),
    HISTOGRAMS: Codec(lambda _: (None, b""), lambda _head, _body: None),
    "listdir": Codec(
        lambda names: (list(names), b""), lambda head, _: tuple(_text(name) for name in head)
    ),
    "readlink": Codec(lambda target: (target, b""), lambda head, _: _text(head)),
    "round_trip": Codec(lambda seconds: (seconds, b""), lambda head, _: float(head)),
    "run": Codec(lambda done: _packed(((done.status, done.stdout), (0, done.stderr))), _command),
    "hypercalls": Codec(
        lambda replies: _packed([(reply.result, reply.block) for reply in replies]),
        lambda head, body: tuple(HypercallReply(*part) for part in _unpacked(head, body)),
    ),
    "hypercall_batch": Codec(lambda reply: _packed(((0, reply.results), (0, reply.block))), _batch),
    "xenstore": Codec(lambda reply: _packed(((reply.type, reply.payload),)), _xenstore),
    "xenstore_control": Codec(
        lambda replies: _packed([(reply.type, reply.payload) for reply in replies]),
        lambda head, body: tuple(XenstoreReply(*part) for part in _unpacked(head, body)),
    ),
}
"""By verb. A single hypercall is asked for as several are."""
