"""The directory of segments as the daemon keeps it: appended to, thinned, and bounded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xenwatch.record import thinning
from xenwatch.record.frames import Moment
from xenwatch.record.header import FormatError, Header, HeaderError
from xenwatch.record.segments import Name, Segment, Writer
from xenwatch.sources import host_lock
from xenwatch.values import dataclass

SPAN: Final = 600.0
"""Length of a segment in seconds: to see its last moment, all of it may be read."""
RESERVE: Final = 0.05
"""Part of the file system that is left free: dom0 fails when its disk is full."""
RESERVE_MAX: Final = 1 << 30
"""Most bytes that are left free, on a large file system."""
HOUR: Final = 3600.0
PARTIAL: Final = ".partial"
"""The end of the name of a segment that is being thinned."""


@dataclass(frozen=True, slots=True)
class File:
    """A segment that is there: its name, its path and its size in bytes."""

    name: Name
    path: Path
    size: int


def files(directory: Path) -> list[File]:
    """The segments of a directory, oldest first. Raises `OSError`."""
    found = []
    for entry in os.scandir(directory):
        name = Name.of(entry.name)
        with contextlib.suppress(FileNotFoundError):  # removed just now
            if name is not None and entry.is_file(follow_symlinks=False):
                size = entry.stat(follow_symlinks=False).st_size
                found.append(File(name, Path(entry.path), size))
    return sorted(found, key=lambda file: (file.name.time, file.name.level))


class Store:
    """The record in `directory`, created if missing, limited to `size` bytes and `age` seconds.

    Each method raises `OSError`, also where another process has the directory. For one thread at a
    time.
    """

    def __init__(self, directory: Path, size: int, age: float) -> None:
        self._directory = directory
        self._size = size
        self._age = age
        self._held: int | None = None
        self._writer: Writer | None = None
        self._header: Header | None = None
        self._began = 0.0
        self._last = 0.0

    def append(self, moment: Moment, header: Header) -> None:
        """Append a moment with all its values, to a new segment if it is time for one."""
        in_span = self._last <= moment.time < self._began + SPAN
        if self._writer and (not in_span or self._header != header or self._writer.is_removed):
            self._end()
        try:
            if self._writer is None:
                self._hold()
                self._check_room()
                self._writer = Writer(self._directory / str(Name(moment.time, 0)), header)
                self._header, self._began = header, moment.time
                _sync(self._directory)
            self._writer.append(moment)
        except OSError:
            self._end()
            raise
        self._last = moment.time

    def close(self) -> None:
        """Close the present segment, and leave the directory to others."""
        self._end()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def tidy(self, now: float, *, trusted: bool = True) -> int:
        """Remove what is too old or too much, and thin the rest. Returns the bytes left.

        By a clock that is not `trusted` nothing is too old. What fails of one file is told when all
        others are done.
        """
        self._hold()
        errors: list[OSError] = []
        for file in self._excess(now, trusted=trusted):
            with _noted(errors):
                file.path.unlink()
        for left in self._directory.glob(f"*{PARTIAL}"):
            if Name.of(left.stem) is not None:
                with _noted(errors):
                    left.unlink()
        for file, level in self._due(now) if trusted else ():
            with _noted(errors):
                self._thin(file, level)
        if errors:
            raise errors[0]
        return sum(file.size for file in files(self._directory))

    def _end(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _closed(self) -> list[File]:
        """The segments that are not written to."""
        present = str(Name(self._began, 0)) if self._writer else ""
        return [file for file in files(self._directory) if file.path.name != present]

    def _excess(self, now: float, *, trusted: bool) -> Iterator[File]:
        """What is to be removed: first what is from a time that has not come, then the oldest."""
        found = sorted(self._closed(), key=lambda file: file.name.time <= now + SPAN)
        total = sum(file.size for file in found) + (self._writer.size if self._writer else 0)
        for file in found:
            if total > self._size or (trusted and now - file.name.time > self._age):
                total -= file.size
                yield file

    def _due(self, now: float) -> Iterator[tuple[File, int]]:
        """What is to be thinned, and to which level, newest first.

        The last hour before a gap is kept whole for a day: in it the daemon, or dom0, has ended.
        """
        follows = ends = self._began if self._writer else now
        for file in reversed(self._closed()):
            end = file.name.time + SPAN
            if follows - end > SPAN:
                ends = end
            follows = file.name.time
            level = thinning.level_at(now - end, whole=ends < now - SPAN and ends - end < HOUR)
            if level > file.name.level:
                yield file, level

    def _thin(self, file: File, level: int) -> None:
        """Put the moments of a level in the place of a segment; what is damaged is dropped."""
        new = file.path.with_name(str(Name(file.name.time, level)))
        try:
            segment = Segment(file.path)
        except FormatError:
            return  # a later xenwatch, which was here before, can read it
        except HeaderError:
            file.path.unlink()
            return
        kept = thinning.kept((place.head for place in segment.places), level)
        partial = new.with_name(new.name + PARTIAL)
        writer = Writer(partial, segment.header, synced=False)
        try:
            for moment in segment.moments(kept):
                writer.append(moment)
            writer.sync()
        finally:
            writer.close()
        partial.rename(new)
        _sync(self._directory)
        file.path.unlink()

    def _hold(self) -> None:
        """Make the directory, and lock it: another daemon would remove what this one writes."""
        if self._held is not None and os.fstat(self._held).st_nlink:
            return
        self.close()
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise OSError(f"{self._directory} is not a directory; move it away") from None
        except FileNotFoundError:
            raise OSError(f"{self._directory.parent} is missing; create it") from None
        _sync(self._directory.parent)
        held = host_lock.hold_directory(
            self._directory, "another xenwatch records there; give this one a state directory"
        )
        try:
            owners = {os.fstat(held).st_uid, os.lstat(self._directory).st_uid}
            if not owners <= {0, os.geteuid()}:
                raise OSError(
                    f"{self._directory} is another user's, who could lead it elsewhere; give this "
                    "xenwatch a state directory of its own"
                )
        except OSError:
            os.close(held)
            raise
        self._held = held

    def _check_room(self) -> None:
        """Raise `OSError` where the file system has no more room than its reserve."""
        found = os.statvfs(self._directory)
        reserve = min(RESERVE * found.f_blocks * found.f_frsize, RESERVE_MAX)
        free = found.f_bavail * found.f_frsize
        if free < reserve:
            mib, least = (f"{size / (1 << 20):,.1f}" for size in (free, reserve))
            raise OSError(f"{mib} MiB of the file system are free, less than {least}")


@contextlib.contextmanager
def _noted(errors: list[OSError]) -> Iterator[None]:
    """Go on after an `OSError`, which is added to the list."""
    try:
        yield
    except OSError as error:
        errors.append(error)


def _sync(directory: Path) -> None:
    """Have the names in a directory on the disk (fsync(2), notes)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
