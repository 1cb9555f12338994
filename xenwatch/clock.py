"""The system clock, and the interface a test's clock must have."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

from xenwatch.readings.moment import Moment

SLACK: Final = 0.001
"""Seconds by which the clock may seem to differ from what it was without having been set."""


class Clock(Protocol):
    """A source of time; tests provide their own."""

    def moment(self) -> Moment:
        """Now, by both clocks."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._offset = 0.0

    def moment(self) -> Moment:
        """Now, by both clocks.

        What they differ by is kept until the clock is set, so that an instant has one Unix time.
        """
        before, found, after = time.monotonic(), time.time(), time.monotonic()
        # However long it took to read them: a thread may wait for a CPU in between.
        if not before - SLACK <= found - self._offset <= after + SLACK:
            self._offset = round(found - after, 3)
        instant = round(after, 3)
        return Moment(round(instant + self._offset, 3), instant)

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)
