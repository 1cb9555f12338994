"""Connections to Unix sockets whose owner is slow to accept them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xenwatch.sources import xapi, xenstored
from xenwatch.sources.base import SourceError
from xenwatch.sources.local import connect
from xenwatch.sources.watches import domain_events
from xenwatch.sources.xenstored import XenstoreClient

LATE = 0.2
SOON = 0.1
ENOUGH = 60.0


@pytest.fixture
def root() -> Iterator[str]:
    """A root directory with a path short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="xw") as name:
        yield name


@contextlib.contextmanager
def crowd(path: str) -> Iterator[socket.socket]:
    """A socket on which so many wait to be accepted that there is place for no more."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        server.bind(path)
        server.listen(1)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                waiting.setblocking(False)
                waiting.connect(path)
        yield server


def test_a_place_is_waited_for(root: str) -> None:
    """Whoever comes to a full backlog is connected once one of those who wait is accepted."""
    path = f"{root}/socket"
    with crowd(path) as server:
        accepted: list[socket.socket] = []
        timer = threading.Timer(SOON, lambda: accepted.append(server.accept()[0]))
        timer.start()
        with connect(path, time.monotonic() + ENOUGH) as client:
            assert client.getpeername() == path
        timer.join()
        accepted[0].close()


def test_nobody_waits_longer_than_the_deadline(root: str) -> None:
    """A backlog that stays full is left at the deadline, not before."""
    with crowd(f"{root}/socket"):
        until = time.monotonic() + LATE
        with pytest.raises(TimeoutError):
            connect(f"{root}/socket", until)

        assert time.monotonic() >= until


async def _first_event(root: str) -> None:
    async with contextlib.aclosing(domain_events(root, LATE)) as events:
        await anext(events)


ASKED: dict[str, tuple[str, Callable[[str], object]]] = {
    "xenstored": (xenstored.SOCKETS[0], lambda root: XenstoreClient(root, LATE).request(2, b"a\0")),
    "xapi": (xapi.SOCKETS[0], lambda root: xapi.round_trip(root, LATE)),
    "events": (xenstored.SOCKETS[0], lambda root: asyncio.run(_first_event(root))),
}


@pytest.mark.parametrize("client", ASKED)
def test_a_daemon_that_accepts_nobody_is_late(root: str, client: str) -> None:
    """A daemon with a full backlog is told as one that does not answer in time."""
    path, ask = ASKED[client]
    with crowd(root + path):
        started = time.monotonic()
        with pytest.raises((SourceError, TimeoutError), match=r"within 0\.2 s|timed out"):
            ask(root)

        assert time.monotonic() - started >= LATE
