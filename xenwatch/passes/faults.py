"""The parts that have raised: counted by kind, and logged so that one bug does not fill the log."""

from __future__ import annotations

import threading
from typing import Final

import structlog

from xenwatch.clock import Clock
from xenwatch.fence import Fault, Fence, Part

REPEAT: Final = 3600.0
"""Seconds after which a part that still raises is logged again."""

_log = structlog.get_logger()


class Faults:
    """What the daemon's `fence` tells: `counts` are the faults by kind of part.

    Of each part the first fault is logged with its traceback, further ones once in `REPEAT`, in a
    line without it. Parts are made in several threads.
    """

    def __init__(self, clock: Clock) -> None:
        self.counts: dict[str, int] = {part.value: 0 for part in Part}
        self.fence = Fence(self._tell)
        self._clock = clock
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}

    def _tell(self, fault: Fault) -> None:
        now = self._clock.monotonic()
        with self._lock:
            self.counts[fault.part.value] += 1
            last = self._logged.get(fault.subject)
            if last is not None and now - last < REPEAT:
                return
            self._logged[fault.subject] = now
        first = {"exc_info": fault.error} if last is None else {}
        _log.error(
            "unknown because of a bug; the rest is served",
            part=fault.subject,
            reason=fault.reason,
            next="report this line as a bug",
            **first,
        )
