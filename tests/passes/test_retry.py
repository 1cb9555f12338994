"""When a probe that failed runs again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.fake_clock import FakeClock, running, settle
from tests.passes.support import SOURCE, Script, probe, status
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes.base import Result
from xenwatch.readings.snapshot import Status
from xenwatch.threads import Started


@pytest.fixture
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run probes in the event loop, so that a run has ended once its time has come."""

    def launch(work: Callable[[], Result], _name: str) -> Started[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        future.set_result(work())
        return Started(future)

    monkeypatch.setattr("xenwatch.passes.scheduler.threads.launch", launch)


@pytest.mark.parametrize(
    ("interval", "retry"), [(10.0, 10), (60.0, 30), (300.0, 30), (3600.0, 360)]
)
async def test_a_failed_probe_is_retried_soon(
    without_threads: None, interval: float, retry: int
) -> None:
    """A probe that failed runs again after half a minute or a tenth of its interval at most."""
    clock, read = FakeClock(), Script(fail=(1,))
    scheduler = Scheduler(SOURCE, [probe(read, interval=interval)], clock)
    async with running(scheduler.run()):
        await clock.advance(retry - 1)
        assert read.calls == 1
        assert status(scheduler) is Status.FAILED
        await clock.advance(1)
        await settle()
        assert status(scheduler) is Status.OK
        await clock.advance(interval - retry - 1)
        assert read.calls == 2


async def test_a_probe_without_a_thread_is_retried_in_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What could not begin has cost nothing: it runs as soon as there is a thread."""
    refuses = [1]

    def launch(work: Callable[[], Result], _name: str) -> Started[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        if refuses:
            future.set_exception(RuntimeError("can't start new thread"))
        else:
            future.set_result(work())
        return Started(future)

    monkeypatch.setattr("xenwatch.passes.scheduler.threads.launch", launch)
    clock, read = FakeClock(), Script()
    scheduler = Scheduler(SOURCE, [probe(read, interval=60.0)], clock)
    async with running(scheduler.run()):
        await clock.advance(1)
        assert status(scheduler) is Status.FAILED
        refuses.clear()
        await clock.advance(5)
        await settle()
        assert status(scheduler) is Status.OK
