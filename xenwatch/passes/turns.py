"""Turns: one thread computes at a time, so that the event loop competes with no more than that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from xenwatch.clock import Clock

LONGEST: Final = 5.0
"""Seconds after which a turn ends in any case: most probes' deadline."""


class Turn:
    """The right to compute, until `end`."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self.is_over = False

    def end(self) -> None:
        """Let the next one compute; the second time it does nothing."""
        if not self.is_over:
            self.is_over = True
            self._lock.release()


class Turns:
    """Gives turns to those that ask, in the order in which they ask.

    The thread itself holds nothing, so one that hangs cannot keep its turn: whoever started it
    ends the turn when the thread waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """A turn for the time of a block, `LONGEST` at most."""
        await self._lock.acquire()
        turn = Turn(self._lock)
        timer = asyncio.create_task(self._end_late(turn))
        try:
            yield turn
        finally:
            timer.cancel()
            turn.end()

    async def _end_late(self, turn: Turn) -> None:
        await self._clock.sleep(LONGEST)
        turn.end()
