"""A record as it is looked at: a directory of segments, or one of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xenwatch.display.why import why
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header, HeaderError
from xenwatch.record.segments import Name, Place, Segment
from xenwatch.record.store import files
from xenwatch.sources.base import SourceError


@dataclass(frozen=True, slots=True)
class Kept:
    """A moment that is there: its Unix time, if it is marked, its segment and number therein."""

    time: float
    marked: bool
    path: Path
    number: int


class Record:
    """The moments kept at `path`. Raises `SourceError` where there is no record."""

    def __init__(self, path: str) -> None:
        self.path = path
        place = Path(path)
        try:
            if place.is_dir():
                self._files = [file.path for file in files(place)]
            else:
                Segment(place)
                self._files = [place]
        except (OSError, HeaderError) as error:
            raise SourceError(path, f"not a record: {why(error)}") from error
        if not self._files:
            raise SourceError(path, "no record: the daemon has kept nothing here yet")

    def moments(self, first: float, last: float) -> Iterator[Kept]:
        """Those from one Unix time to another, in order. Raises `SourceError`."""
        for number, path in enumerate(self._files):
            began = Name.of(path.name)
            after = Name.of(self._files[number + 1].name) if path is not self._files[-1] else None
            if began and began.time > last:
                return
            if after is not None and after.time < first:
                continue
            for place, found in enumerate(self._places(path)):
                if first <= found.head.time <= last:
                    yield Kept(found.head.time, found.head.marked, path, place)

    def at(self, time: float) -> Kept:
        """The newest moment at or before a Unix time. Raises `SourceError` where there is none."""
        for path in reversed(self._files):
            began = Name.of(path.name)
            if began is not None and began.time > time + 1e-3:
                continue  # a name has its time to the millisecond
            places = self._places(path)
            for number in reversed(range(len(places))):
                head = places[number].head
                if head.time <= time:
                    return Kept(head.time, head.marked, path, number)
        raise SourceError(self.path, "the record begins later")

    def load(self, kept: Kept) -> tuple[Header, Moment]:
        """The moment with all its values. Raises `SourceError`."""
        segment = self._segment(kept.path)
        try:
            for moment in segment.moments((kept.number,)):
                return segment.header, moment
        except OSError as error:
            raise SourceError(str(kept.path), why(error)) from error
        raise SourceError(str(kept.path), "damaged, or removed meanwhile")

    def _places(self, path: Path) -> tuple[Place, ...]:
        """The moments of a segment; none of one that is damaged, removed, or begun just now."""
        try:
            return _read(path, path.stat().st_size).places
        except (HeaderError, FileNotFoundError):
            return ()
        except OSError as error:
            raise SourceError(str(path), why(error)) from error

    def _segment(self, path: Path) -> Segment:
        try:
            return _read(path, path.stat().st_size)
        except (OSError, HeaderError) as error:
            raise SourceError(str(path), why(error)) from error


@functools.lru_cache(maxsize=64)
def _read(path: Path, _size: int) -> Segment:
    return Segment(path)
