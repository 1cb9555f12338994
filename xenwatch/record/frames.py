"""Moments as frames of a file: complete or not there, whatever a crash has left of the last.

A frame is a mark, two lengths, a checksum of the rest, a head in JSON, and the values. That of a
`whole` moment has all values, others those that have changed since the one before.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.readings.origin import is_date

MARK: Final = b"xwm1"
_LENGTHS: Final = struct.Struct("<4sIII")
"""Mark, length of the head, length of the values, CRC-32 of both."""
HEAD_MAX: Final = 1 << 20
VALUES_MAX: Final = 1 << 30


class FrameError(Exception):
    """Bytes that are no frame: damaged, or cut off."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a frame says of its moment: Unix time, instant, and the lengths of its values by name.

    A moment that is `marked` outlives its neighbours: an alert began or ended to fire. `whole` is
    whether the frame has all its values.
    """

    time: float
    instant: float
    marked: bool
    whole: bool
    lengths: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment with its values, or those of them that differ from the moment before."""

    time: float
    instant: float
    marked: bool
    values: Mapping[str, bytes]


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
    checksum = zlib.crc32(values, zlib.crc32(head))
    return _LENGTHS.pack(MARK, len(head), len(values), checksum) + head + values


FIXED: Final = _LENGTHS.size
"""Bytes with which each frame begins."""


@dataclass(frozen=True, slots=True)
class Size:
    """The sizes of the two parts of a frame, and the checksum of both."""

    head: int
    values: int
    checksum: int

    @property
    def whole(self) -> int:
        """Bytes of the frame."""
        return FIXED + self.head + self.values


def size(fixed: bytes) -> Size:
    """How large the frame is that begins so. Raises `FrameError`."""
    if len(fixed) != FIXED:
        raise FrameError("cut off")
    mark, head, values, checksum = _LENGTHS.unpack(fixed)
    if mark != MARK or head > HEAD_MAX or values > VALUES_MAX:
        raise FrameError("damaged")
    return Size(head, values, checksum)


def head(raw: bytes) -> Head:
    """The head of a frame. Raises `FrameError`."""
    try:
        time, instant, marked, whole, lengths = json.loads(raw)
        sound = is_date(time) and isinstance(instant, float) and isinstance(lengths, dict)
        sound = sound and all(type(each) is int and each >= 0 for each in lengths.values())
        if not sound or type(marked) is not bool or type(whole) is not bool:
            raise FrameError("damaged")
    except (ValueError, TypeError, RecursionError) as error:
        raise FrameError("damaged") from error
    return Head(time, instant, marked, whole, lengths)


def moment(of: Head, raw: bytes, values: bytes, checksum: int) -> Moment:
    """The moment of a frame of these parts. Raises `FrameError`."""
    if zlib.crc32(values, zlib.crc32(raw)) != checksum or sum(of.lengths.values()) != len(values):
        raise FrameError("damaged")
    found, place = {}, 0
    for name, length in of.lengths.items():
        found[name] = values[place : place + length]
        place += length
    return Moment(of.time, of.instant, of.marked, found)
