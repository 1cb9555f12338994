"""Follows the file that `xenwatch maintenance` writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.alerts import maintenance
from xenwatch.alerts.maintenance import FILE_LIMIT, Maintenance
from xenwatch.clock import Clock
from xenwatch.config import state_file

EVERY: Final = 5.0
"""Seconds between readings of the file."""

_log = structlog.get_logger()


class Follower:
    """Calls `changed` whenever the file puts the host into maintenance or ends it.

    `said` is the maintenance in the file that has not ended. An empty `path` means no file. A file
    that cannot be read is logged and ignored: alerts are delivered.
    """

    def __init__(self, path: str, clock: Clock, changed: Callable[[], None]) -> None:
        self.said: Maintenance | None = None
        self._path = path
        self._clock = clock
        self._changed = changed
        self._problem = ""

    async def run(self) -> None:
        """Read the file at intervals until cancelled."""
        while self._path:
            said = await self._read()
            if said != self.said:
                self.said = said
                _log.warning("maintenance changed", now=str(said or "not in maintenance"))
                self._changed()
            await self._clock.sleep(EVERY)

    async def _read(self) -> Maintenance | None:
        read = functools.partial(state_file.read, self._path, FILE_LIMIT)
        problem, found = "", None
        try:
            said = maintenance.loads(await threads.start(read, "maintenance"))
            found = maintenance.current([said], self._clock.time())
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RuntimeError) as error:
            problem = str(error)
        if problem and problem != self._problem:
            _log.error("maintenance could not be read", file=self._path, reason=problem)
        self._problem = problem
        return found
