"""Segments: files of moments, of which the first is whole.

`20261130T173500.123Z-0.moments` begins at that time (UTC), and has every moment (level 0), those
of each minute (1), or of each ten minutes (2). Its first line says which xenwatch wrote it. A
segment is only appended to by the process that made it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from xenwatch.record import frames, header
from xenwatch.record.frames import FrameError, Head, Moment
from xenwatch.record.header import Header
from xenwatch.values import dataclass

SUFFIX: Final = ".moments"
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-([0-2])\.moments")
_TIME: Final = "%Y%m%dT%H%M%S.%f"
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


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

    A frame that cannot be written whole is cut off again; a file without one is removed. Without
    `synced` nothing is sure to be on the disk before `sync`.
    """

    def __init__(self, path: Path, of: Header, *, synced: bool = True) -> None:
        self.size = 0
        self._path = path
        self._synced = synced
        self._before: Moment | None = None
        self._fd = os.open(path, _NEW, 0o600)
        self._write(of.line())

    @property
    def is_removed(self) -> bool:
        """Whether somebody has removed the file."""
        return not os.fstat(self._fd).st_nlink

    def append(self, moment: Moment) -> None:
        """Append a moment with all its values, of which those that have changed are written."""
        before = self._before
        changed = _changed(moment.values, before.values if before else {})
        new = Moment(moment.time, moment.instant, moment.marked, changed)
        self._write(frames.frame(new, whole=before is None))
        self._before = moment

    def sync(self) -> None:
        """Have all of it on the disk."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
            if self._synced:
                self.sync()
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            if self._before is None:
                self.close()
                with contextlib.suppress(OSError):
                    self._path.unlink()
            raise
        self.size += len(data)


def _changed(values: Mapping[str, bytes], before: Mapping[str, bytes]) -> dict[str, bytes]:
    """The values that differ from before."""
    return {
        name: value
        for name, value in values.items()
        if before.get(name) is not value and before.get(name) != value
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the frame of a moment is in its segment."""

    head: Head
    offset: int
    begin: frames.Begin


class Segment:
    """A segment read: its header, and the heads of its moments, up to the first damaged one.

    It `is_damaged` where bytes are not what was written, not where the last frame is cut off, as a
    crash leaves it. Raises `HeaderError`, and `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as file:
            self.header = header.parsed(file.readline(header.LONGEST))
            start = file.tell()
            self.places = tuple(_places(file))
            file.seek(self.places[-1].offset + self.places[-1].begin.size if self.places else start)
            self.is_damaged = _is_damaged(file)

    def moments(self, numbers: Iterable[int] | None = None) -> Iterator[Moment]:
        """Moments by number, all by default, each with all its values; ascending.

        Ends with the first that is damaged. Raises `OSError`.
        """
        wanted = set(range(len(self.places)) if numbers is None else numbers)
        values: dict[str, bytes] = {}
        with _opened(self._path) as file:
            for number, place in enumerate(self.places[: max(wanted, default=-1) + 1]):
                try:
                    changed = _moment(file, place)
                except FrameError:
                    return
                values = {**({} if place.head.whole else values), **changed.values}
                size = sum(map(len, values.values()))
                if size > frames.VALUES_MAX or len(values) > frames.NAMES_MAX:
                    return
                if number in wanted:
                    yield Moment(changed.time, changed.instant, changed.marked, values)


def _opened(path: Path) -> BinaryIO:
    """The file to read; nothing that hangs or leads elsewhere. Raises `OSError`."""
    descriptor = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")


def _places(file: BinaryIO) -> Iterator[Place]:
    offset = file.tell()
    with contextlib.suppress(FrameError):
        while True:
            begin = frames.parse_begin(file.read(frames.FIXED))
            head, _ = frames.parse_head(begin, file.read(begin.head))
            end = offset + begin.size
            if file.seek(0, os.SEEK_END) < end:
                return
            yield Place(head, offset, begin)
            offset = file.seek(end)


def _is_damaged(file: BinaryIO) -> bool:
    """Whether what follows is no frame, nor the beginning of one."""
    fixed = file.read(frames.FIXED)
    if len(fixed) < frames.FIXED:
        return False
    try:
        begin = frames.parse_begin(fixed)
        head = file.read(begin.head)
        if len(head) == begin.head:
            frames.parse_head(begin, head)
    except FrameError:
        return True
    return False


def _moment(file: BinaryIO, place: Place) -> Moment:
    file.seek(place.offset + frames.FIXED)
    head = file.read(place.begin.head)
    return frames.parse_moment(place.begin, head, file.read(place.begin.values))
