"""Records every pass, so that a moment of the past can be looked at."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.alerts.states import Change, State
from xenwatch.assessment import Assessment
from xenwatch.clock import Clock
from xenwatch.config import record_keys
from xenwatch.config.settings import Settings
from xenwatch.display.why import why
from xenwatch.metrics import Recorded
from xenwatch.readings.moment import Moment
from xenwatch.record import past
from xenwatch.record.store import Store

NAME: Final = "record"
"""The directory below systemd's for the daemon's state."""
TIDY_EVERY: Final = 600.0
"""Seconds between two times that old moments are thinned and removed."""
AGREE: Final = 60.0
"""Seconds by which clock and monotonic clock may differ since the last time, for the clock to be
trusted: one that was set wrongly must not remove what is wanted after a crash."""
RETRY: Final = 60.0
"""Seconds that nothing is recorded after a write has failed."""
DEADLINE: Final = 30.0
"""Seconds after which a write counts as failed; until it returns, no other is started."""

_log = structlog.get_logger()


class Recorder:
    """Writes what `newest` returns to `directory`/record; without one, or switched off, nothing.

    `changed` is to be set when `newest` returns something else; it is `None` while there is
    nothing. Create it in the event loop.
    """

    def __init__(
        self,
        settings: Settings,
        directory: str,
        clock: Clock,
        newest: Callable[[], Assessment | None],
    ) -> None:
        self.path = f"{directory}/{NAME}" if directory and settings[record_keys.ENABLED] else ""
        self.changed = asyncio.Event()
        self._clock = clock
        self._newest = newest
        size, age = settings[record_keys.SIZE] * 1_000_000, settings[record_keys.DAYS] * 86400.0
        self._store = Store(Path(self.path), size, age)
        self._encoder = past.Encoder()
        self._lock = threading.Lock()
        self._marked = False
        self._tidied: Moment | None = None
        self._size: int | None = None
        self._failures = 0
        self._failed = False
        self._successful: bool | None = None
        self._instant: float | None = None

    @property
    def known(self) -> Recorded | None:
        """What metrics say of the record, `None` without one."""
        if not self.path:
            return None
        return Recorded(self._failures, self._size, self._successful, self._instant)

    def note(self, changes: Iterable[Change]) -> None:
        """Mark the next moment if an alert has started or stopped firing."""
        self._marked |= any(State.FIRING in (change.was, change.now) for change in changes)

    async def run(self) -> None:
        """Record the newest pass after each change until cancelled; one at a time."""
        while self.path:
            await self.changed.wait()
            self.changed.clear()
            assessment = self._newest()
            if assessment is None:
                continue
            marked, self._marked = self._marked, False
            if await self._written(functools.partial(self._write, assessment, marked)):
                self._note_success(assessment.snapshot.instant)
            else:
                self._marked |= marked
                await self._clock.sleep(RETRY)

    async def _written(self, write: Callable[[], None]) -> bool:
        """Whether a write has returned without an error; one that hangs has failed meanwhile."""
        future = threads.start(write, NAME)
        timer = asyncio.create_task(self._clock.sleep(DEADLINE))
        try:
            await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        hangs = not future.done()
        if hangs:
            self._count(f"timed out after {DEADLINE:g} s; the write still hangs")
            await asyncio.wait((future,))
        error = future.exception()
        if error and not hangs:
            self._count(why(error), error)
        return error is None

    def _note_success(self, instant: float) -> None:
        if self._failed:
            _log.info("recording recovered", directory=self.path)
        self._failed, self._successful, self._instant = False, True, instant

    def _count(self, reason: str, error: BaseException | None = None) -> None:
        """Count a failure, and log the first in a row, that of a bug with its traceback."""
        self._failures += 1
        if not self._failed:
            bug = error is not None and not isinstance(error, OSError | RuntimeError)
            more = {"exc_info": error} if bug else {}
            _log.error("recording failed; will retry", directory=self.path, reason=reason, **more)
        self._failed, self._successful = True, False

    def _write(self, assessment: Assessment, marked: bool) -> None:
        moment = self._encoder.moment(assessment, marked=marked)
        with self._lock:
            try:
                self._store.append(moment, past.header(assessment.snapshot.origin))
            finally:  # a full disk has to be tidied, too
                self._tidy(assessment.snapshot.moment)

    def _tidy(self, now: Moment) -> None:
        """Tidy the record if it is time; what fails of that is logged each time."""
        before = self._tidied
        if before is not None and now.instant - before.instant < TIDY_EVERY:
            return
        self._tidied = now
        passed = 0.0 if before is None else now.instant - before.instant
        trusted = before is not None and abs(now.time - before.time - passed) < AGREE
        try:
            with contextlib.suppress(FileNotFoundError):  # removed by somebody just now
                self._size = self._store.tidy(now.time, trusted=trusted)
        except OSError as error:
            _log.warning("tidying the record failed", directory=self.path, reason=why(error))

    def close_on_shutdown(self) -> None:
        """Close the file. It may hang."""
        with self._lock:  # a write that hangs may not find its descriptor taken by another file
            self._store.close()
