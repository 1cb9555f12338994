"""Moments as frames of a file: complete or not there, whatever a crash has left of the last.

A frame is a mark, the lengths of a head and of the values with a checksum of each, the head in
JSON, and the values. A whole frame has all values of its moment, others those that have changed
since the one before.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from xenwatch.readings.origin import is_date
from xenwatch.values import dataclass

MARK: Final = b"xwm1"
_BEGIN: Final = struct.Struct("<4sIIII")
"""Mark, length of the head, its CRC-32, length of the values, theirs."""
FIXED: Final = _BEGIN.size
"""Bytes with which each frame begins."""
HEAD_MAX: Final = 1 << 20
VALUES_MAX: Final = 16 << 20
"""Most bytes of the values of a moment, packed: many times those of ten thousand VMs."""
NAMES_MAX: Final = 1024
"""Most values of a moment, which are copied from one to the next."""


class FrameError(Exception):
    """Bytes that are no frame: damaged, or cut off."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a frame says of its moment: Unix time and instant.

    A moment that is `marked` outlives its neighbours: an alert started or stopped firing. A `whole`
    frame has all values.
    """

    time: float
    instant: float
    marked: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment with its values, or those of them that differ from the moment before."""

    time: float
    instant: float
    marked: bool
    values: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Begin:
    """How a frame begins: the lengths and the checksums of its two parts."""

    head: int
    head_checksum: int
    values: int
    values_checksum: int

    @property
    def size(self) -> int:
        """Bytes of the frame."""
        return FIXED + self.head + self.values


def frame(moment: Moment, *, whole: bool) -> bytes:
    """The moment as a frame."""
    head = json.dumps(
        [
            *(moment.time, moment.instant, moment.marked, whole),
            {name: len(value) for name, value in moment.values.items()},
        ],
        separators=(",", ":"),
    ).encode()
    values = b"".join(moment.values.values())
    lengths = (len(head), zlib.crc32(head), len(values), zlib.crc32(values))
    return _BEGIN.pack(MARK, *lengths) + head + values


def parse_begin(raw: bytes) -> Begin:
    """How the frame begins whose first bytes these are. Raises `FrameError`."""
    if len(raw) != FIXED:
        raise FrameError("cut off")
    mark, *lengths = _BEGIN.unpack(raw)
    found = Begin(*lengths)
    if mark != MARK or found.head > HEAD_MAX or found.values > VALUES_MAX:
        raise FrameError("damaged")
    return found


def parse_head(begin: Begin, raw: bytes) -> tuple[Head, Mapping[str, int]]:
    """The head of a frame, and the lengths of its values by name. Raises `FrameError`."""
    if zlib.crc32(raw) != begin.head_checksum:
        raise FrameError("damaged")
    try:
        time, instant, marked, whole, lengths = json.loads(raw)
        numbers = is_date(time) and isinstance(instant, int | float)
        flags = type(marked) is bool and type(whole) is bool
        if not (numbers and flags and isinstance(lengths, dict)):
            raise FrameError("damaged")
        if len(lengths) > NAMES_MAX:
            raise FrameError("damaged")
        if not all(type(each) is int and each >= 0 for each in lengths.values()):
            raise FrameError("damaged")
        if sum(lengths.values()) != begin.values:
            raise FrameError("damaged")
    except (ValueError, TypeError, RecursionError) as error:
        raise FrameError("damaged") from error
    return Head(time, instant, marked, whole), lengths


def parse_moment(begin: Begin, raw: bytes, values: bytes) -> Moment:
    """The moment of a frame, from its head and its values. Raises `FrameError`."""
    head, lengths = parse_head(begin, raw)
    if zlib.crc32(values) != begin.values_checksum or len(values) != begin.values:
        raise FrameError("damaged")
    found, place = {}, 0
    for name, length in lengths.items():
        found[name] = values[place : place + length]
        place += length
    return Moment(head.time, head.instant, head.marked, found)
