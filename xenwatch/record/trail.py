"""Values over a past period, from a few moments of the record, read within a deadline."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.codec import CodecError
from xenwatch.record.frames import Moment
from xenwatch.record.past import OUTCOMES, past
from xenwatch.record.record import Kept, Record
from xenwatch.sources.base import SourceError
from xenwatch.values import dataclass

BUDGET: Final = 3.0
"""Seconds for one request; what is not read by then is read by the next one."""
KEPT: Final = 1000
"""Points kept for further requests."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trail(Generic[T]):
    """Points by Unix time, ascending, and how many moments were not read yet."""

    points: tuple[tuple[float, T], ...] = ()
    unread: int = 0


class Trails:
    """Trails of the record at `path`; points are kept, as moments do not change.

    For one thread at a time.
    """

    def __init__(self, path: str, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._points: OrderedDict[tuple[str, float], Any] = OrderedDict()

    def trail(
        self,
        kind: str,
        times: tuple[float, float, float],
        make: Callable[[Snapshot], T],
        readings: Iterable[str] | None = None,
    ) -> Trail[T]:
        """What `make` makes of moments, one in each step and the last one.

        `times` are start, end and step. `kind` says what `make` makes; `readings` are those that it
        looks at, all by default. The newest are read first. Raises `SourceError`.
        """
        start, end, step = times
        record = Record(self._path)
        first: dict[int, Kept] = {}
        every = record.kept(start, end)
        for kept in every:
            first.setdefault(int(kept.time // step), kept)
        chosen = dict.fromkeys((*first.values(), *every[-1:]))
        until, found, unread = self._now() + BUDGET, [], 0
        for kept in reversed(chosen):
            key = kind, kept.time
            if key not in self._points:
                if self._now() > until:
                    unread += 1
                    continue
                try:
                    self._points[key] = make(_snapshot(record, kept, readings))
                except (CodecError, SourceError):
                    continue  # damaged, or thinned just now
            self._points.move_to_end(key)
            found.append((kept.time, self._points[key]))
        while len(self._points) > KEPT:
            self._points.popitem(last=False)
        return Trail(tuple(reversed(found)), unread)


def _snapshot(record: Record, kept: Kept, readings: Iterable[str] | None) -> Snapshot:
    header, moment = record.load(kept)
    if readings is not None:
        names = {OUTCOMES, *readings}
        values = {name: value for name, value in moment.values.items() if name in names}
        moment = Moment(moment.time, moment.instant, moment.marked, values)
    return past(header, moment, record.path).snapshot
