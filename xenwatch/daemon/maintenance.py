"""Follows the file that `xenwatch maintenance` writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.alerts import maintenance
from xenwatch.alerts.maintenance import FILE_LIMIT, Maintenance
from xenwatch.alerts.messages import rfc3339
from xenwatch.clock import Clock
from xenwatch.config import state_file
from xenwatch.display.why import why

EVERY: Final = 10.0
"""Seconds between readings of the file."""

_log = structlog.get_logger()


class Follower:
    """Calls `changed` whenever the file puts the host into maintenance or ends it.

    `said` is the maintenance in the file that has not ended. A file that cannot be read is logged
    and ignored: alerts are delivered.
    """

    def __init__(self, path: str, clock: Clock, changed: Callable[[], None]) -> None:
        self.said: Maintenance | None = None
        self._path = path
        self._clock = clock
        self._changed = changed
        self._problem = ""

    async def run(self) -> None:
        """Read the file at intervals until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(EVERY)

    async def look(self) -> None:
        """Read the file once."""
        said = await self._read()
        if said != self.said:
            self.said = said
            _log_change(said)
            self._changed()

    async def _read(self) -> Maintenance | None:
        read = functools.partial(state_file.read, self._path, FILE_LIMIT)
        problem, found = "", None
        try:
            said = maintenance.loads(await threads.start(read, "maintenance"))
            found = maintenance.current([said], self._clock.moment().time)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RuntimeError) as error:
            problem = why(error)
        if problem and problem != self._problem:
            _log.error("maintenance could not be read", file=self._path, reason=problem)
        self._problem = problem
        return found


def _log_change(said: Maintenance | None) -> None:
    """Log a maintenance that begins, or has another end or reason than before, or none any more."""
    if said is None:
        _log.warning("maintenance ended")
    else:
        _log.warning("maintenance started", until=rfc3339(said.until), reason=said.reason)
