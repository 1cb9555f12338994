"""Pings to systemd's watchdog: what they stand for, by a played clock and in a starved process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fake_clock import FakeClock, running, until
from tests.passes.support import SOURCE, Script, probe, still
from tests.running import Process, daemon, xenwatch
from tests.support import labelled
from xenwatch.daemon.watchdog import STILL_INTERVALS, STILL_TURNS, TURN, feed
from xenwatch.passes.scheduler import Scheduler

PING = b"WATCHDOG=1"
TICK = b"STATUS=a tenth of a second"
"""Of the process whose loop hangs, see `tests.daemon.hung`."""
USEC = "600000000"
"""Ten minutes, as in the unit."""


@dataclass
class Moves:
    """See `xenwatch.daemon.watchdog.Progress`."""

    moved: int = 0
    shortest_interval: float | None = 10.0


class Manager:
    """systemd's end of the socket."""

    def __init__(self, place: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(place))
        self.environment = {"NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": USEC}

    def pings(self) -> int:
        """How many have come since the last call."""
        found = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                found += self.sock.recv(100, socket.MSG_DONTWAIT) == PING
        return found

    def until(self, message: bytes) -> None:
        """Wait for a message."""
        while self.sock.recv(100) != message:
            pass


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens."""
    found = Manager(tmp_path / "notify")
    yield found
    found.sock.close()


def played(manager: Manager, moves: Moves, seconds: float, moved_every: float = 0.0) -> int:
    """The pings of some time, in which a run comes back every so many seconds."""

    async def play() -> int:
        clock = FakeClock()
        async with running(feed(moves, clock, manager.environment)):
            found = 0
            while clock.now < seconds:
                await clock.advance(TURN)
                if moved_every and clock.now % moved_every < TURN:
                    moves.moved += 1
                found += manager.pings()  # a queue of few datagrams
            return found

    return asyncio.run(play())


def test_pings_come_at_each_turn_of_the_loop(manager: Manager) -> None:
    """A loop that turns and passes that move are told to systemd at least every ten seconds."""
    assert played(manager, Moves(), 3600, moved_every=10) >= 3600 / TURN


def test_passes_that_move_slowly_are_alive(manager: Manager) -> None:
    """One run in ten minutes is a starved daemon, and no turn is without a ping."""
    assert played(manager, Moves(), 6 * 3600, moved_every=600) >= 6 * 3600 / TURN


def test_the_pings_stop_when_no_probe_comes_back(manager: Manager) -> None:
    """After 90 turns without any run that came back, nothing is told any more."""
    assert played(manager, Moves(), 6 * 3600) == STILL_TURNS


def test_the_pings_come_again_when_a_probe_does(manager: Manager) -> None:
    """A run that comes back late takes the silence back."""
    moves = Moves()
    assert played(manager, moves, 3600, moved_every=1800) >= STILL_TURNS + 1


def test_long_intervals_are_not_a_standstill(manager: Manager) -> None:
    """Where the most frequent probe runs once an hour, some hours without a run are nothing."""
    assert played(manager, Moves(shortest_interval=3600.0), 6 * 3600) >= 6 * 360
    most = STILL_INTERVALS * 3600
    assert played(manager, Moves(shortest_interval=3600.0), most + 3600) == most / TURN


def test_without_a_probe_nothing_has_to_move(manager: Manager) -> None:
    """A daemon whose probes are all off is alive while its loop turns."""
    assert played(manager, Moves(shortest_interval=None), 6 * 3600) >= 6 * 360


def test_turns_count_and_not_seconds(manager: Manager) -> None:
    """A loop that turns once in nine minutes while a probe takes hours is starved, not dead."""

    class SlowClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(max(seconds, 540.0))

    async def play() -> int:
        clock, found = SlowClock(), 0
        async with running(feed(Moves(), clock, manager.environment)):
            while clock.now < 6 * 3600:
                await clock.advance(540.0)
                found += manager.pings()
        return found

    assert asyncio.run(play()) >= 6 * 3600 / 540


def test_without_a_watchdog_nothing_is_sent(manager: Manager) -> None:
    """A unit without WatchdogSec=, and a shell, hear nothing."""
    environment = {"NOTIFY_SOCKET": manager.environment["NOTIFY_SOCKET"]}
    asyncio.run(feed(Moves(), FakeClock(), environment))

    assert manager.pings() == 0


def test_a_run_that_comes_back_late_counts() -> None:
    """The scheduler counts a run when its thread is back, long after its deadline."""

    async def play() -> int:
        clock, read = FakeClock(), Script(hang=(1,))
        scheduler = Scheduler(SOURCE, [probe(read)], clock, still)
        async with running(scheduler.run()):
            while not read.calls:
                await clock.advance(0)
            await clock.advance(60)
            hung = scheduler.moved
            read.release()
            await until(scheduler, lambda: scheduler.moved > hung)
            return hung

    assert asyncio.run(play()) == 0


def test_the_shortest_interval_is_that_of_what_is_on() -> None:
    """A probe that is off is not waited for."""
    probes = [probe(Script(), "a", interval=5.0, enabled=False), probe(Script(), "b")]

    async def shortest(count: int) -> float | None:
        return Scheduler(SOURCE, probes[:count], FakeClock()).shortest_interval

    assert asyncio.run(shortest(2)) == 10.0
    assert asyncio.run(shortest(1)) is None


@contextlib.contextmanager
def starved(running: Process, part: float) -> Iterator[None]:
    """The process stopped for all but a part of the time."""
    over = threading.Event()

    def starve() -> None:
        while not over.is_set():
            os.kill(running.process.pid, signal.SIGSTOP)
            time.sleep(0.05 * (1 - part))
            os.kill(running.process.pid, signal.SIGCONT)
            time.sleep(0.05 * part)

    thread = threading.Thread(target=starve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_starved_daemon_pings_reads_and_answers(manager: Manager, tmp_path: Path) -> None:
    """With four percent of the time, pings go on, readings get newer, and /metrics answers."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[probes.aio]\ninterval = 1\n")
    name = "xenwatch_probe_reading_timestamp_seconds"
    environment = manager.environment | {"WATCHDOG_USEC": "400000"}
    with xenwatch("--config.file", str(file), environment=environment) as running:
        manager.until(b"READY=1")
        running.get_ready()
        before = labelled(name, running.get("metrics"))["aio",]
        with starved(running, 0.04):
            while labelled(name, running.get("metrics"))["aio",] < before + 2:
                pass
            manager.pings()
            for _ in range(5):
                manager.until(PING)


def test_a_dead_loop_pings_no_more(manager: Manager) -> None:
    """The process lives and its other threads run, but no ping comes from a loop that hangs."""
    environment = manager.environment | {"WATCHDOG_USEC": "400000"}
    with daemon("-m", "tests.daemon.hung", environment=environment) as running:
        manager.until(PING)
        running.process.send_signal(signal.SIGUSR1)
        manager.until(TICK)
        heard = [manager.sock.recv(100) for _ in range(30)]

    assert set(heard) == {TICK}
