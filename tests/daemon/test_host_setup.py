"""What probes need on the host: set up while wanted, removed otherwise, and never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from xenwatch import progress
from xenwatch.daemon.host_setup import HostSetup
from xenwatch.progress import Sign
from xenwatch.sources.base import SourceError


class Tool:
    """Remembers what was done with it."""

    def __init__(self, error: SourceError | None = None) -> None:
        self.done: list[str] = []
        self.error = error
        self.loop = asyncio.get_running_loop()
        self.moved = asyncio.Event()

    def set_up(self) -> None:
        """Remembered; may fail."""
        self._note("set up")

    def remove(self) -> None:
        """Remembered; may fail."""
        self._note("removed")

    async def until(self, count: int) -> list[str]:
        """What was done, once it is so many things."""
        while len(self.done) < count:
            await self.moved.wait()
            self.moved.clear()
        return self.done

    def _note(self, verb: str) -> None:
        self.done.append(verb)
        self.loop.call_soon_threadsafe(self.moved.set)
        if self.error is not None:
            raise self.error


@contextlib.asynccontextmanager
async def running(setup: HostSetup) -> AsyncIterator[HostSetup]:
    """The setup while it is looked after."""
    task = asyncio.create_task(setup.run())
    try:
        yield setup
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_it_follows_what_is_wanted() -> None:
    """A tool is set up with its probe, removed when that is off, and given back at the end."""
    tool = Tool()
    async with running(HostSetup({"a": tool}, ["a"])) as setup:
        assert await tool.until(1) == ["set up"]
        setup.configure([])
        assert await tool.until(2) == ["set up", "removed"]
        setup.configure(["a"])
        await tool.until(3)
    setup.close()
    assert tool.done == ["set up", "removed", "set up", "removed"]


async def test_what_is_not_wanted_is_removed_at_the_start() -> None:
    """What an earlier daemon left goes although the probe is off, and once only."""
    tool = Tool()
    async with running(HostSetup({"a": tool}, [])) as setup:
        assert await tool.until(1) == ["removed"]
    setup.close()
    assert tool.done == ["removed"]


async def test_a_failure_is_said_and_nothing_ends() -> None:
    """A tool that cannot be set up is a warning, and the next change is still followed."""
    tool = Tool(SourceError("tracefs", "is read-only"))
    with capture_logs() as logs:
        async with running(HostSetup({"a": tool}, ["a"])) as setup:
            await tool.until(1)
            setup.configure([])
            assert await tool.until(2) == ["set up", "removed"]
    assert logs[0]["log_level"] == "warning"
    assert "tracefs: is read-only" in logs[0]["reason"]


async def test_what_is_there_is_made_anew_from_time_to_time() -> None:
    """A tool that is wanted is set up again and again, one that is not is left alone."""
    wanted, other = Tool(), Tool()
    async with running(HostSetup({"a": wanted, "b": other}, ["a"], renew=0.01)):
        done = await wanted.until(3)

    assert done[:3] == ["set up"] * 3
    assert other.done == ["removed"]


class Busy(Tool):
    """Fails three times."""

    def _note(self, verb: str) -> None:
        if len(self.done) == 3:
            self.error = None
        super()._note(verb)


async def test_what_failed_is_tried_again_and_said_once() -> None:
    """A removal that a reading of the files has kept from succeeding is done a moment later."""
    tool = Busy(SourceError("tracefs", "Device or resource busy"))
    with capture_logs() as logs:
        async with running(HostSetup({"a": tool}, [], retry=0.01)):
            await tool.until(4)
            await asyncio.sleep(0.1)
    assert tool.done == ["removed"] * 4
    assert [entry["event"] for entry in logs] == ["probe cleanup failed; retrying"]


class SlowTool(Tool):
    """One that takes until it was looked at often enough."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.gate = threading.Event()

    def remove(self) -> None:
        """Done in the end."""
        self.gate.wait()
        super().remove()

    def look(self, sign: Sign, _thread: int | None) -> Sign:
        """The same sign each time."""
        self.looks += 1
        if self.looks == 5:
            self.gate.set()
        return sign


@pytest.mark.parametrize("gets_on", [True, False])
async def test_a_setup_that_gets_on_may_take_longer(
    monkeypatch: pytest.MonkeyPatch, gets_on: bool
) -> None:
    """Past its deadline one has failed only if its thread stands still."""
    tool, after = SlowTool(), Tool()
    monkeypatch.setattr("xenwatch.daemon.host_setup.DEADLINE", 0.001)
    monkeypatch.setattr(progress, "SELDOM", 0.001)
    monkeypatch.setattr(progress, "look", functools.partial(tool.look, Sign(0.0, gets_on)))
    with capture_logs() as logs:
        async with running(HostSetup({"a": tool, "b": after}, [])):
            await after.until(1)
            assert tool.done == (["removed"] if gets_on else [])
    tool.gate.set()

    said = [(entry["event"], entry["reason"]) for entry in logs]
    assert said == ([] if gets_on else [("probe cleanup failed; retrying", "timed out")])
