"""Keeps every pass on disk, so that a moment of the past can be looked at."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
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
from xenwatch.record import past
from xenwatch.record.frames import Moment
from xenwatch.record.header import Header
from xenwatch.record.store import Store

NAME: Final = "record"
"""The directory below systemd's for the daemon's state."""
TIDY_EVERY: Final = 600.0
"""Seconds between two times that old moments are thinned and removed."""
RETRY: Final = 60.0
"""Seconds that nothing is kept after a write has failed."""

_log = structlog.get_logger()


class Recorder:
    """Keeps what `newest` returns below `directory`; without one, or switched off, it does nothing.

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
        self._failures = 0
        self._size: int | None = None
        self._lock = threading.Lock()
        size, age = settings[record_keys.SIZE] * 1_000_000, settings[record_keys.DAYS] * 86400.0
        self._store = Store(Path(self.path), size, age)
        self._clock = clock
        self._newest = newest
        self._encoder = past.Encoder()
        self._changes: list[Change] = []
        self._tidied = -TIDY_EVERY
        self._failed = False

    @property
    def known(self) -> Recorded | None:
        """What metrics say of the record, `None` without one."""
        return Recorded(self._failures, self._size) if self.path else None

    def note(self, changes: tuple[Change, ...]) -> None:
        """Alerts have changed: the next moment says so, however long a write takes."""
        if self.path:
            self._changes += changes

    async def run(self) -> None:
        """Keep the newest pass after each change until cancelled; one at a time."""
        while self.path:
            await self.changed.wait()
            self.changed.clear()
            assessment = self._newest()
            if assessment is None:
                continue
            changes, self._changes = tuple(self._changes), []
            try:
                keep = functools.partial(self._keep, assessment, changes)
                size = await threads.start(keep, NAME)
            except (OSError, RuntimeError) as error:
                self._changes = [*changes, *self._changes]
                await self._fail(why(error))
            else:
                if self._failed:
                    _log.info("recording recovered", directory=self.path)
                self._failed = False
                self._size = self._size if size is None else size

    async def _fail(self, reason: str) -> None:
        self._failures += 1
        if not self._failed:
            _log.error("recording failed; will retry", directory=self.path, reason=reason)
        self._failed = True
        await self._clock.sleep(RETRY)

    def _keep(self, assessment: Assessment, changes: tuple[Change, ...]) -> int | None:
        """Append a moment; returns the size of the record where it was looked at."""
        marked = any(State.FIRING in (change.was, change.now) for change in changes)
        moment: Moment = self._encoder.moment(assessment, changes, marked=marked)
        header: Header = past.header(assessment.snapshot.origin)
        now = self._clock.monotonic()
        with self._lock:
            self._store.append(moment, header)
            if now - self._tidied >= TIDY_EVERY:
                self._tidied = now
                return self._store.tidy(moment.time)
        return None

    def close_on_shutdown(self) -> None:
        """Close the file. It may hang."""
        with self._lock:  # a write that hangs may not find its descriptor taken by another file
            self._store.close()
