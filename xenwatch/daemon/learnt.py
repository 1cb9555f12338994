"""Keeps what was learnt across restarts, and takes what was carried from another host."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.clock import Clock
from xenwatch.config import state_file
from xenwatch.display.why import why
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.learnt_file import FILE_LIMIT, LearntError

FILE: Final = "learnt.json"
SAVE_EVERY: Final = 600.0
"""Seconds between two writes; what is lost in a crash was learnt since then."""
READ_DEADLINE: Final = 5.0
"""Seconds reading a file may take, on a starved dom0 too."""

_log = structlog.get_logger()


class Keeper:
    """Saves what `current` returns in systemd's state directory; an empty `directory`: nowhere."""

    def __init__(self, current: Callable[[], Learning], clock: Clock, directory: str) -> None:
        self._current = current
        self._clock = clock
        self._file = f"{directory}/{FILE}" if directory else ""
        self._saved: Learning | None = None
        self._is_unread = False
        """Whether what the file has is not known: it is set aside before it is replaced."""
        self._lock = threading.Lock()

    async def restore(self) -> Learning:
        """What an earlier run has saved; nothing where that is missing or damaged."""
        found = await load(self._file, own=True) if self._file else None
        self._is_unread = found is None
        return found or Learning()

    async def run(self) -> None:
        """Save at intervals until cancelled."""
        failed = False
        while self._file:
            await self._clock.sleep(SAVE_EVERY)
            try:
                await threads.start(self._save, "learnt")
                failed = False
            except (OSError, RuntimeError) as error:
                if not failed:
                    _log.error("saving what was learnt failed", file=self._file, reason=why(error))
                failed = True

    def save_on_shutdown(self) -> None:
        """Save once more when the daemon stops. It may hang."""
        if self._file:
            with contextlib.suppress(OSError):  # logged before, and not retried
                self._save()

    def _save(self) -> None:
        learning = self._current()
        with self._lock:
            if learning is not self._saved and learning.periods:
                if self._is_unread:
                    with contextlib.suppress(FileNotFoundError):
                        state_file.set_aside(self._file)
                    self._is_unread = False
                state_file.replace(self._file, learnt_file.dumps(learning))
                self._saved = learning


async def load(path: str, *, own: bool = False) -> Learning | None:
    """What a file has; `None`, and a line in the log, where it cannot be used.

    The daemon's `own` may be missing.
    """
    try:
        async with asyncio.timeout(READ_DEADLINE):
            return await threads.start(functools.partial(_load, path, own=own), "learnt")
    except (OSError, ValueError, RuntimeError, LearntError) as error:
        if not (own and isinstance(error, FileNotFoundError)):
            _log.error("what was learnt could not be read", file=path, reason=why(error))
    return None


def _load(path: str, *, own: bool) -> Learning:
    read = state_file.read_own if own else state_file.read
    return learnt_file.loads(read(path, FILE_LIMIT))
