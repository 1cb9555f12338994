"""Probes that are due, run one after another in one thread."""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from xenwatch.clock import Clock
from xenwatch.probes.base import Pass, Probe, Result, merge, run
from xenwatch.progress import Course
from xenwatch.readings.snapshot import Outcome, Status
from xenwatch.sources.base import Source
from xenwatch.values import dataclass

BUDGET: Final = 0.5
"""Seconds after which a batch starts no other run, so that other work has its turn."""


@dataclass(slots=True)
class Scheduled:
    """A probe and what the scheduler knows of its runs; times are instants.

    - `due`: when the next run is to begin
    - `rested`: before when none may begin, as the probe has a CPU budget
    - `woken`: when the latest event came
    - `busy`: whether it stands in line or runs
    - `again`: whether an event came since the run began
    - `silent`: whether its next regular run should find nothing new, as no event has come
    - `suspect`: when such a run has found something new
    - `polled`: whether its events are not relied on any more, as one was lost
    - `started`: when the run began that the others do not wait for
    - `missed`: ticks that fell into earlier runs
    - `had_no_thread`: whether its latest run could not begin
    """

    probe: Probe
    due: float = math.inf
    rested: float = 0.0
    woken: float = -math.inf
    busy: bool = False
    again: bool = False
    silent: bool = False
    suspect: float | None = None
    polled: bool = False
    started: float | None = None
    missed: int = 0
    had_no_thread: bool = False

    def overruns(self, now: float) -> int:
        """Ticks skipped so far because a run had not finished."""
        running = 0 if self.started is None else int((now - self.started) / self.probe.interval)
        return self.missed + running


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun: of which probe as it was then, when, and how it progresses."""

    scheduled: Scheduled
    probe: Probe
    began: float
    course: Course


class Batch:
    """Runs the probes in `line`; each sees the `newest` pass and what this batch has read.

    `work` runs in a thread. `current` is the run in progress; the other methods are for the event
    loop.
    """

    def __init__(
        self, line: deque[Scheduled], source: Source, newest: Callable[[], Pass], clock: Clock
    ) -> None:
        self.current: Run | None = None
        self._line = line
        self._source = source
        self._newest = newest
        self._clock = clock
        self._until = math.inf
        self._is_left = False
        self._lock = threading.Lock()
        self._own: dict[str, Result] = {}
        self._done: deque[tuple[Run, Result | None]] = deque()

    def work(self) -> None:
        """Run one after another, until the line ends or the batch is left."""
        self._until = self._clock.monotonic() + BUDGET
        while (current := self._next()) is not None:
            result = self._result(current) if current.probe.enabled else None
            with self._lock:
                self._done.append((current, result))
                self.current = None
            if result is not None and not current.course.is_given_up:
                self._own[current.probe.name] = result

    def _result(self, current: Run) -> Result:
        """What a run reads. Whatever it raises, the batch goes on."""
        threading.current_thread().name = f"probe-{current.probe.name}"
        try:
            before = merge(self._newest(), self._own, self._clock.moment(), self._source.origin)
            # A context of its own: what was read ahead for a run ends with it.
            return contextvars.Context().run(
                run, current.probe, self._source, before, self._clock.monotonic
            )
        except BaseException as error:  # noqa: BLE001 - a probe that is lost is never run again
            reason = f"bug in xenwatch: {type(error).__name__}: {error}"
            return Result(Outcome(Status.FAILED, reason, current.began))

    def _next(self) -> Run | None:
        with self._lock:
            began = self._clock.monotonic()
            if self._is_left or not self._line or began >= self._until:
                return None
            first = self._line.popleft()
            first.again = False  # it reads what is there now
            course = Course(first.probe.deadline, began, time.thread_time())
            self.current = Run(first, first.probe, began, course)
            return self.current

    def leave(self, late: Run) -> bool:
        """Begin no other run after this one. Returns whether it is still in progress."""
        with self._lock:
            self._is_left = self._is_left or self.current is late
            return self.current is late

    def end(self) -> None:
        """Begin no other run."""
        with self._lock:
            self._is_left = True

    def results(self) -> list[tuple[Run, Result | None]]:
        """The runs that have come back since the last call; `None` of a probe that is off."""
        return [self._done.popleft() for _ in range(len(self._done))]
