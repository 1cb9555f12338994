"""The directory of segments as the daemon keeps it: appended to, thinned, and bounded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xenwatch.record import segments, thinning
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header, HeaderError
from xenwatch.record.segments import Name, Segment, Writer

SPAN: Final = 600.0
"""Seconds that a segment of all moments is long: to see its last, all of it may be read."""
RESERVE: Final = 0.05
"""Part of the file system that is never used: it is dom0's, which fails with a full disk."""
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
        if name is not None and entry.is_file(follow_symlinks=False):
            found.append(File(name, Path(entry.path), entry.stat(follow_symlinks=False).st_size))
    return sorted(found, key=lambda file: (file.name.time, file.name.level))


class Store:
    """The record in `directory`, which is made if it is missing, of so many bytes and seconds.

    Each method raises `OSError`. For one thread at a time.
    """

    def __init__(self, directory: Path, size: int, age: float) -> None:
        self._directory = directory
        self._size = size
        self._age = age
        self._writer: Writer | None = None
        self._header: Header | None = None
        self._began = 0.0
        self._last: Moment | None = None

    def append(self, moment: Moment, header: Header) -> None:
        """Append a moment with all its values, to a new segment if it is time for one."""
        last = self._last
        goes_on = (
            last is not None
            and self._header == header
            and last.time <= moment.time < self._began + SPAN
        )
        if not goes_on:
            self.close()
        if self._writer is None:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            self._check_room()
            path = self._directory / str(Name(moment.time, 0))
            self._writer = Writer(path, header)
            self._header, self._began, last = header, moment.time, None
        try:
            changed = segments.changed(moment.values, last.values if last else {})
            new = Moment(moment.time, moment.instant, moment.marked, changed)
            self._writer.append(new, whole=last is None)
        except OSError:
            self.close()
            raise
        self._last = moment

    def close(self) -> None:
        """End the present segment; the next moment begins another."""
        writer, self._writer, self._last = self._writer, None, None
        if writer is not None:
            writer.close()

    def tidy(self, now: float) -> int:
        """Thin what is old enough, remove what is too old or too much. Returns the bytes left."""
        for left in self._directory.glob(f"*{PARTIAL}"):
            left.unlink()
        for file in self._closed():
            level = thinning.level_at(now - file.name.time - SPAN)
            if level > file.name.level:
                self._thin(file, level)
        found = self._closed()
        total = sum(file.size for file in found)
        for file in found:
            if total <= self._size and now - file.name.time <= self._age:
                break
            file.path.unlink()
            total -= file.size
        return total + (self._writer.size if self._writer else 0)

    def _closed(self) -> list[File]:
        """The segments that are not written to."""
        present = str(Name(self._began, 0)) if self._writer else ""
        return [file for file in files(self._directory) if file.path.name != present]

    def _thin(self, file: File, level: int) -> None:
        """Put the moments of a level in the place of a segment; what is damaged is dropped."""
        new = file.path.with_name(str(Name(file.name.time, level)))
        partial = new.with_name(new.name + PARTIAL)
        try:
            segment = Segment(file.path)
            kept = thinning.kept((place.head for place in segment.places), level)
            _write(partial, segment.header, segment.moments(kept))
            partial.rename(new)
        except HeaderError:
            pass  # nothing of it can be read
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
        file.path.unlink()

    def _check_room(self) -> None:
        """Raise `OSError` where the file system has no more room than its reserve."""
        found = os.statvfs(self._directory)
        if found.f_bavail < RESERVE * found.f_blocks:
            raise OSError(f"less than {RESERVE:.0%} of the file system is left")


def _write(path: Path, header: Header, moments: Iterator[Moment]) -> None:
    writer, before = Writer(path, header), None
    try:
        for moment in moments:
            values = segments.changed(moment.values, before.values if before else {})
            new = Moment(moment.time, moment.instant, moment.marked, values)
            writer.append(new, whole=before is None)
            before = moment
    finally:
        writer.close()
