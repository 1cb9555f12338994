"""What happened in a range of the record, read within a deadline, a few moments at a time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Final

from xenwatch.record.codec import CodecError
from xenwatch.record.past import Decoder
from xenwatch.record.record import Kept, Record
from xenwatch.report.events import Event, Known, step
from xenwatch.report.moments import spacing
from xenwatch.values import dataclass

PIECE: Final = 10
"""Steps of a range that are read together."""
PIECES: Final = 1000
"""Pieces kept for further requests."""
EVENTS: Final = 5000
"""Events kept in all of them, but for those of the last one."""


@dataclass(frozen=True, slots=True)
class Found:
    """Events, ascending, and how many moments were not read yet."""

    events: tuple[Event, ...] = ()
    unread: int = 0


class PastEvents:
    """The events of the record at `path`, of all but limits; what was read is kept.

    For one thread at a time.
    """

    def __init__(self, path: str, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._pieces: OrderedDict[tuple[float, ...], tuple[Event, ...]] = OrderedDict()

    def events(self, times: tuple[float, float, float], budget: float, today: float) -> Found:
        """What was new at one moment in each step, and at each at which an alert changed.

        `times` are start, end and step; `budget` is how many seconds may be spent, `today` the
        present Unix time. The newest are read first. Raises `SourceError`.
        """
        begin, end, every = times
        record, until = Record(self._path), self._now() + budget
        chosen = _chosen(record.kept(begin, end), every)
        pieces = [
            list(group) for _, group in groupby(chosen, lambda at: int(at // (every * PIECE)))
        ]
        # What is new at the first moment of a piece is so compared with the last one before it.
        joined = [*pieces[:1], *([one[-1], *other] for one, other in pairwise(pieces))]
        found: list[tuple[Event, ...]] = []
        unread = 0
        for piece in reversed(joined):
            key = tuple(piece)
            if key not in self._pieces:
                if self._now() > until:
                    unread += len(piece)
                    continue
                self._pieces[key] = _read(record, piece, every, today)
            self._pieces.move_to_end(key)
            found.append(self._pieces[key])
        self._forget()
        return Found(tuple(event for events in reversed(found) for event in events), unread)

    def _forget(self) -> None:
        held = sum(map(len, self._pieces.values()))
        while len(self._pieces) > PIECES or (held > EVENTS and len(self._pieces) > 1):
            held -= len(self._pieces.popitem(last=False)[1])


def _chosen(kept: Sequence[Kept], every: float) -> list[float]:
    """The times of the moments that are read: of each step the first one, and the marked ones."""
    chosen, last = [], None
    for one in kept:
        number = one.time // every
        if number != last or one.marked:
            chosen.append(one.time)
        last = number
    return chosen


def _read(record: Record, times: Sequence[float], every: float, today: float) -> tuple[Event, ...]:
    """What was new at the moments of these times but the first."""
    decoder, known, found = Decoder(record.path), Known(), list[Event]()
    wanted = frozenset(times)
    for header, moment in record.between(times[0], times[-1]):
        if moment.time not in wanted:
            continue
        try:
            past = decoder.past(header, moment)
        except CodecError:
            continue  # damaged
        known, events = step(known, past, {}, max(every, spacing(today - moment.time)))
        found += events
    return tuple(found)
