"""Probes that are due, run one after another in one thread."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from xenwatch.clock import Clock
from xenwatch.probes.base import Pass, Probe, Result, merge, run
from xenwatch.progress import Course
from xenwatch.sources.base import Source

BUDGET: Final = 0.5
"""Seconds after which a batch begins no other run, so that what else computes has its turn."""


@dataclass(slots=True)
class Due:
    """A probe, and when its next run is due: an instant, before which it rests until `rested`.

    It is `busy` from when it stands in line until its run is back, and runs `again` after an event
    meanwhile. In a `silent` one nothing should have changed: events are followed and none has come.
    `suspect` is when one had changed all the same; `is_polled` once that was no event on its way.
    `started` is when a run began that the others do not wait for, `missed` counts ticks.
    """

    probe: Probe
    due: float = math.inf
    rested: float = 0.0
    busy: bool = False
    again: bool = False
    silent: bool = False
    suspect: float | None = None
    is_polled: bool = False
    started: float | None = None
    missed: int = 0
    had_no_thread: bool = False

    def overruns(self, now: float) -> int:
        """Ticks skipped so far because a run had not finished."""
        running = 0 if self.started is None else int((now - self.started) / self.probe.interval)
        return self.missed + running


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun, and how it stands against the deadline of its probe."""

    of: Due
    probe: Probe
    began: float
    course: Course


class Batch:
    """Runs of what stands in `line`, each with what the one before has read.

    `work` is for a thread; `current` is the run it is at. Everything else is for the event loop.
    """

    def __init__(self, line: deque[Due], source: Source, before: Pass, clock: Clock) -> None:
        self.current: Run | None = None
        self._line = line
        self._source = source
        self._found = before
        self._clock = clock
        self._until = math.inf
        self._is_left = False
        self._lock = threading.Lock()
        self._done: deque[tuple[Run, Result | None]] = deque()

    def work(self) -> None:
        """Run one after another, until the line ends or the batch is left."""
        self._until = self._clock.monotonic() + BUDGET
        while (current := self._next()) is not None:
            if not current.probe.enabled:  # switched off while it stood in line
                self._done.append((current, None))
                continue
            result = run(current.probe, self._source, self._found, self._clock.monotonic)
            self._done.append((current, result))
            moment = self._clock.moment()
            found = {current.probe.name: result}
            self._found = merge(self._found, found, moment, self._source.origin)

    def _next(self) -> Run | None:
        with self._lock:
            self.current = None
            began = self._clock.monotonic()
            if self._is_left or not self._line or began >= self._until:
                return None
            first = self._line.popleft()
            first.again = False  # it reads what is there now
            course = Course(first.probe.deadline, began, time.thread_time())
            self.current = Run(first, first.probe, began, course)
            return self.current

    def leave(self, late: Run) -> bool:
        """Have the thread begin no other run after this one; not if it is past it."""
        with self._lock:
            self._is_left = self.current is late
            return self._is_left

    def results(self) -> list[tuple[Run, Result | None]]:
        """The runs that have come back since the last call; `None` of a probe that is off."""
        return [self._done.popleft() for _ in range(len(self._done))]
