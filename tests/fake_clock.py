"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

from xenwatch.passes.scheduler import Scheduler
from xenwatch.readings.moment import Moment

START = 1_700_000_000.0


def at(seconds: float, ahead: float = 0.0) -> Moment:
    """So many seconds after the start, by a clock that was set ahead since."""
    return Moment(START + seconds + ahead, seconds)


class FakeClock:
    """See `xenwatch.clock.Clock`; `ahead` is by how much the clock was set forward."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ahead = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def moment(self) -> Moment:
        return at(self.now, self.ahead)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    def sleeps_until(self, moment: float) -> bool:
        """Whether something sleeps until then."""
        return any(end == moment and not sleeper.done() for end, sleeper in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move on, waking every sleeper at its time."""
        until = self.now + seconds
        while True:
            await settle()
            due = [
                sleeper
                for sleeper in self._sleepers
                if not sleeper[1].done() and sleeper[0] <= until + 1e-9
            ]
            if not due:
                break
            self.now, future = min(due, key=lambda sleeper: sleeper[0])
            future.set_result(None)
        self.now = until


async def settle() -> None:
    """Let every task go on as far as it can without time or threads."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(scheduler: Scheduler, condition: Callable[[], bool]) -> None:
    """Wait for runs to end until the condition holds."""
    while not condition():
        await scheduler.changed.wait()
        scheduler.changed.clear()
    await settle()


@contextlib.asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """The coroutine as a task for the time of a block; its own failure is the test's."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
