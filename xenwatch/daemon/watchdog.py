"""Pings to systemd's watchdog: while the event loop turns and probes get on, however slowly."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from xenwatch.clock import Clock
from xenwatch.daemon.sd_notify import notify, watchdog_seconds

TURN: Final = 10.0
"""Max seconds from one ping to the next."""
STILL_TURNS: Final = 90
"""Turns in which nothing moved before the pings stop: 15 minutes, if the loop is on time."""
STILL_INTERVALS: Final = 20
"""The same in intervals of the most frequent probe, where that is longer."""

_log = structlog.get_logger()


class Progress(Protocol):
    """What moves: `xenwatch.passes.scheduler.Scheduler`."""

    @property
    def moved(self) -> int:
        """Rises with each run that comes back, in time or late, and while one gets on."""
        ...

    @property
    def shortest_interval(self) -> float | None:
        """Seconds between two runs of the most frequent probe, `None` when all are off."""
        ...


async def feed(
    progress: Progress, clock: Clock, environment: Mapping[str, str] = os.environ
) -> None:
    """Ping systemd until nothing has moved for too long; returns at once without a watchdog.

    Patience is counted in turns of this loop and not in seconds: a process that gets little CPU
    time turns seldom, and its probes have that much longer.
    """
    seconds = watchdog_seconds(environment)
    if seconds is None:
        return
    turn = min(seconds, TURN)
    still, seen = 0, progress.moved
    while True:
        patience = _patience(progress.shortest_interval, turn)
        if still < patience:
            notify("WATCHDOG=1", environment)
        elif still == patience:
            _log.error(
                "no probe makes progress or has come back; systemd's watchdog will end the daemon",
                turns=still,
            )
        await clock.sleep(turn)
        still = still + 1 if progress.moved == seen else 0
        seen = progress.moved


def _patience(interval: float | None, turn: float) -> float:
    """Turns for which nothing may come back."""
    if interval is None:
        return math.inf
    return max(STILL_TURNS, math.ceil(STILL_INTERVALS * interval / turn))
