"""A record as it is looked at: a directory of segments, or one of them."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from xenwatch.display.why import why
from xenwatch.record.frames import Moment
from xenwatch.record.header import FormatError, Header, HeaderError
from xenwatch.record.segments import Name, Place, Segment
from xenwatch.record.store import files
from xenwatch.sources.base import SourceError
from xenwatch.sources.tree import MANIFEST
from xenwatch.values import dataclass

SEGMENTS: Final = 2048
"""Segments of which it is kept where their moments are: more than a week has."""
ATTEMPTS: Final = 3
"""Times that files are listed, where the daemon thins them meanwhile."""
_NEXT: Final[Mapping[type[Exception], str]] = {
    FileNotFoundError: "; is record.enabled set, and has the service run?",
    PermissionError: "; run as root",
}
"""What to do where there is no record, as the end of a sentence."""
_DATE: Final = "%Y-%m-%d %H:%M:%S UTC"


class LaterError(SourceError):
    """A segment of a later xenwatch, which reads it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A moment that is there: its Unix time, its segment and its number therein.

    One is `marked` in which an alert started or stopped firing.
    """

    time: float
    path: Path
    number: int
    marked: bool = False


class Record:
    """The moments kept at `path`, also while the daemon goes on.

    `damaged` has the files met so far of which moments cannot be read, with what is wrong.
    Raises `SourceError` where there is no record, as its methods do where it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.damaged: dict[Path, str] = {}
        if not self._files():
            raise SourceError(path, _why_none(Path(path)))

    def at(self, time: float) -> Kept:
        """The newest moment at or before a Unix time. Raises `SourceError` where there is none."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):  # thinned since the files were listed
                return self._at(time)
        raise SourceError(self.path, "removed meanwhile")

    def _at(self, time: float) -> Kept:
        for path in reversed(self._files()):
            began = Name.of(path.name)
            if began is not None and began.time > time + 1e-3:
                continue  # a name has its time to the millisecond
            for number, place in reversed(list(enumerate(self._places(path)))):
                if place.head.time <= time:
                    return _kept(path, number, place)
        raise SourceError(self.path, self._nothing_before(time))

    def after(self, time: float) -> Kept:
        """The oldest moment after a Unix time. Raises `SourceError` where there is none."""
        paths = self._files()
        begun = [
            number
            for number, path in enumerate(paths)
            if (name := Name.of(path.name)) is not None and name.time <= time
        ]
        # No segment before the last that had begun by then has a later moment.
        for path, places in self._readable(paths[max(begun, default=0) :]):
            for number, place in enumerate(places):
                if place.head.time > time:
                    return _kept(path, number, place)
        raise SourceError(self.path, f"nothing was recorded after {_date(time)}")

    def kept(self, begin: float = -math.inf, end: float = math.inf) -> list[Kept]:
        """The moments from a Unix time to another, with these, ascending. Raises `SourceError`.

        Without those of a later xenwatch, unless there are no others: then it raises.
        """
        found: list[Kept] = []
        for path, places in self._readable(self._within(begin, end)):
            newest = found[-1].time if found else -math.inf
            every = (_kept(path, number, place) for number, place in enumerate(places))
            found += (one for one in every if max(newest, begin - 1e-3) < one.time <= end + 1e-3)
        return found

    def between(self, begin: float, end: float) -> Iterator[tuple[Header, Moment]]:
        """The moments that `kept` has, each with its values, but for damaged ones.

        A file is read once. Raises `SourceError`.
        """
        for path, every in itertools.groupby(self.kept(begin, end), key=lambda one: one.path):
            each = list(every)
            number = 0
            try:
                segment = _SEGMENTS.read(path)
                for moment in segment.moments([one.number for one in each]):
                    number += 1
                    yield segment.header, moment
                if number < len(each):
                    self.damaged[path] = f"damaged from {_date(each[number].time)} on"
            except FileNotFoundError:  # thinned meanwhile, or removed as the oldest
                for again in self._within(begin, end):
                    if _began(again) == _began(path):
                        yield from Record(str(again)).between(begin, end)
            except (OSError, HeaderError) as error:
                raise SourceError(str(path), why(error)) from error

    def load(self, kept: Kept) -> tuple[Header, Moment]:
        """The moment with all its values, or in place of a damaged one the newest before it.

        Raises `SourceError`.
        """
        try:
            segment = _SEGMENTS.read(kept.path)
            found = None
            for moment in segment.moments(range(kept.number + 1)):
                found = moment
            if found is not None:
                return segment.header, found
        except FileNotFoundError:  # thinned meanwhile
            again = self.at(kept.time)
            if again.path != kept.path:
                return self.load(again)
            raise SourceError(str(kept.path), "removed meanwhile") from None
        except (OSError, HeaderError) as error:
            raise SourceError(str(kept.path), why(error)) from error
        try:
            before = self.at(_began(kept.path) - 2e-3)
        except SourceError as error:
            if error.subject != self.path:  # a file that cannot be read, which may have one
                raise
            raise SourceError(str(kept.path), "damaged, and there is none before it") from None
        if before.path == kept.path:
            raise SourceError(str(kept.path), "damaged from its beginning on")
        return self.load(before)

    def _within(self, begin: float, end: float) -> list[Path]:
        """The files that may have moments of a time, oldest first."""
        every = self._files()
        later = [*(_began(path) for path in every[1:]), math.inf]
        return [
            path
            for path, follows in zip(every, later, strict=True)
            if len(every) == 1 or (follows >= begin - 1 and _began(path) <= end + 1)
        ]

    def _readable(self, paths: Iterable[Path]) -> Iterator[tuple[Path, tuple[Place, ...]]]:
        """The moments of those segments that are there and not of a later xenwatch.

        Raises `LaterError` at the end if there are only such ones, and `SourceError`.
        """
        later, others = None, False
        for path in paths:
            try:
                places = self._places(path)
            except FileNotFoundError:  # thinned since the files were listed
                continue
            except LaterError as error:
                later = error
                continue
            others = True
            yield path, places
        if later is not None and not others:
            raise later

    def _nothing_before(self, time: float) -> str:
        """Why there is no moment at or before a Unix time."""
        every = self._files()
        for path in every:
            with contextlib.suppress(FileNotFoundError, IndexError, LaterError):
                first = self._places(path)[0].head.time
                if first - time < 1:  # a step back from the oldest
                    return f"nothing was recorded before {_date(first)}, the oldest moment"
                then = f"nothing was recorded at or before {_date(time)}"
                return f"{then}; the oldest moment is of {_date(first)}"
        return "its files are empty or damaged" if every else "removed meanwhile"

    def _files(self) -> list[Path]:
        place = Path(self.path)
        try:
            if place.is_dir():
                return [file.path for file in files(place)]
            Segment(place)
        except (OSError, HeaderError) as error:
            reason = f"no record: {why(error)}{_NEXT.get(type(error), '')}"
            raise SourceError(self.path, reason) from error
        return [place]

    def _places(self, path: Path) -> tuple[Place, ...]:
        """The moments of a segment; none of one that is damaged, or begun just now.

        Raises `FileNotFoundError` of one that is removed, `LaterError`, and `SourceError`.
        """
        try:
            segment = _SEGMENTS.read(path)
        except FormatError as error:
            raise LaterError(str(path), str(error)) from error
        except HeaderError as error:
            if path.stat().st_size:  # else begun just now
                self.damaged[path] = str(error)
            return ()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SourceError(str(path), f"{why(error)}{_NEXT.get(type(error), '')}") from error
        if segment.is_damaged:
            last = [f" after {_date(place.head.time)}" for place in segment.places[-1:]]
            self.damaged[path] = f"damaged{''.join(last)}"
        return segment.places


def _kept(path: Path, number: int, place: Place) -> Kept:
    return Kept(place.head.time, path, number, place.head.marked)


def _date(time: float) -> str:
    """A Unix time in UTC, to the second."""
    return f"{datetime.fromtimestamp(time, UTC):{_DATE}}"


def _began(path: Path) -> float:
    """When a segment begins by its name; one of another name has always begun."""
    name = Name.of(path.name)
    return -math.inf if name is None else name.time


class _Segments:
    """The segments that were read last; one that has grown is read again."""

    def __init__(self) -> None:
        self._read: OrderedDict[Path, tuple[int, Segment]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path) -> Segment:
        """The segment at `path`. Raises `HeaderError` and `OSError`."""
        size = path.stat().st_size
        with self._lock:
            known = self._read.get(path)
            if known is None or known[0] != size:
                known = self._read[path] = size, Segment(path)
            self._read.move_to_end(path)
            if len(self._read) > SEGMENTS:
                self._read.popitem(last=False)
            return known[1]


_SEGMENTS: Final = _Segments()


def _why_none(path: Path) -> str:
    """Why there is no record in a directory, with the place that was meant."""
    below = path / "record"  # in the daemon's state directory
    with contextlib.suppress(OSError):
        if files(below):
            return f"no record; did you mean {below}?"
    if os.path.exists(path / MANIFEST):
        return f"a capture, which is one moment and no record: tree:{path}"
    return "no record: the daemon has recorded nothing here yet"
