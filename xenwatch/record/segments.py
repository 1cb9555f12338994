"""Segments: files of moments, of which the first is whole.

`20261130T173500.123Z-0.moments` begins at that time (UTC), and has every moment (level 0), those
of each minute (1), or of each ten minutes (2). Its first line says which xenwatch wrote it. A
segment is only appended to by the process that made it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from xenwatch.record import frames, header
from xenwatch.record.frames import FrameError, Head, Moment
from xenwatch.record.header import Header

SUFFIX: Final = ".moments"
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-([0-2])\.moments")
_TIME: Final = "%Y%m%dT%H%M%S.%f"
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a segment: the time of its first moment, and its level."""

    time: float
    level: int

    @classmethod
    def of(cls, file: str) -> Name | None:
        """That of a file, `None` for others."""
        found = _NAME.fullmatch(file)
        if found is None:
            return None
        try:
            began = datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(began.timestamp(), int(found[2]))

    def __str__(self) -> str:
        began = datetime.fromtimestamp(self.time, UTC)
        return f"{began:%Y%m%dT%H%M%S}.{began.microsecond // 1000:03d}Z-{self.level}{SUFFIX}"


class Writer:
    """A new segment at `path`, for its owner alone. Each method raises `OSError`.

    A frame that cannot be written whole is cut off again.
    """

    def __init__(self, path: Path, of: Header) -> None:
        self._fd = os.open(path, _NEW, 0o600)
        self.size = 0
        try:
            self._write(of.line())
        except BaseException:
            self.close()
            with contextlib.suppress(OSError):
                path.unlink()
            raise

    def append(self, moment: Moment, *, whole: bool) -> None:
        """Append a moment, which is on the disk then."""
        self._write(frames.frame(moment, whole=whole))

    def _write(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
            os.fdatasync(self._fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the frame of a moment is in its segment."""

    head: Head
    offset: int
    size: frames.Size


class Segment:
    """A segment read: its header, and the heads of its moments, up to the first damaged one.

    Raises `HeaderError`, and `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self.header = header.parsed(file.readline(header.LONGEST))
            self.places = tuple(_places(file))

    def moments(self, numbers: Iterable[int] | None = None) -> Iterator[Moment]:
        """Moments by number, all by default, each with all its values; ascending.

        Ends with the first that is damaged.
        """
        wanted = set(range(len(self.places)) if numbers is None else numbers)
        values: dict[str, bytes] = {}
        with self._path.open("rb") as file:
            for number, place in enumerate(self.places[: max(wanted, default=-1) + 1]):
                try:
                    changed = _moment(file, place)
                except FrameError:
                    return
                values = {**({} if place.head.whole else values), **changed.values}
                if number in wanted:
                    yield Moment(changed.time, changed.instant, changed.marked, values)


def _places(file: BinaryIO) -> Iterator[Place]:
    offset = file.tell()
    with contextlib.suppress(FrameError):
        while True:
            size = frames.size(file.read(frames.FIXED))
            head = frames.head(file.read(size.head))
            end = offset + size.whole
            if file.seek(0, os.SEEK_END) < end:
                return
            yield Place(head, offset, size)
            offset = file.seek(end)


def _moment(file: BinaryIO, place: Place) -> Moment:
    size = place.size
    file.seek(place.offset + frames.FIXED)
    raw, values = file.read(size.head), file.read(size.values)
    return frames.moment(place.head, raw, values, size.checksum)


def changed(values: Mapping[str, bytes], before: Mapping[str, bytes]) -> dict[str, bytes]:
    """The values that are others than before."""
    return {
        name: value
        for name, value in values.items()
        if before.get(name) is not value and before.get(name) != value
    }
