"""Events of domains: xenstore's watches against a pretended xenstored."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from xenwatch.sources.base import SourceError
from xenwatch.sources.watches import domain_events
from xenwatch.sources.wire import XENSTORE_HEADER as HEADER
from xenwatch.sources.xenstored import DEVICES, SOCKETS

WATCH, EVENT, ERROR = 4, 15, 16

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def root() -> Iterator[str]:
    """A root directory with a path short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="xw") as name:
        (Path(name) / SOCKETS[0][1:]).parent.mkdir(parents=True)
        yield name


@contextlib.asynccontextmanager
async def xenstored(root: str, handler: Handler) -> AsyncIterator[None]:
    """A server at xenstored's place below `root`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await handler(reader, writer)

    server = await asyncio.start_unix_server(serve, root + SOCKETS[0])
    async with server:
        yield


def message(kind: int, payload: bytes) -> bytes:
    """A message of xenstored."""
    return HEADER.pack(kind, 0, 0, len(payload)) + payload


async def watches(reader: asyncio.StreamReader) -> list[bytes]:
    """The payloads of the three watches a client asks for."""
    payloads = []
    for _ in range(3):
        kind, _, _, length = HEADER.unpack(await reader.readexactly(HEADER.size))
        assert kind == WATCH
        payloads.append(await reader.readexactly(length))
    return payloads


async def test_domains_come_and_go(root: str) -> None:
    """Every watch event comes as xenstored sent it, however its bytes are cut, and no answer."""
    asked: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.extend(await watches(reader))
        writer.write(message(WATCH, b"OK\0") * 3 + message(EVENT, b"@introduceDomain\0xenwatch\0"))
        await asyncio.wait_for(more.wait(), 30)
        data = message(EVENT, b"@releaseDomain\0xenwatch\0")
        writer.write(data[:20])
        await writer.drain()
        writer.write(data[20:])
        await reader.read()

    more = asyncio.Event()
    async with xenstored(root, handler), contextlib.aclosing(domain_events(root)) as events:
        assert await anext(events) == b""
        assert await anext(events) == message(EVENT, b"@introduceDomain\0xenwatch\0")
        more.set()
        assert await anext(events) == message(EVENT, b"@releaseDomain\0xenwatch\0")

    paths = ("@introduceDomain", "@releaseDomain", "backend")
    assert asked == [f"{path}\0xenwatch\0".encode() for path in paths]


async def test_events_before_the_last_answer_are_not_lost(root: str) -> None:
    """The stream is subscribed once every watch is accepted, and events until then follow."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await watches(reader)
        event = message(EVENT, b"@introduceDomain\0xenwatch\0")
        writer.write(message(WATCH, b"OK\0") * 2 + event + message(WATCH, b"OK\0"))
        await reader.read()

    async with xenstored(root, handler), contextlib.aclosing(domain_events(root)) as events:
        assert await anext(events) == b""
        assert await anext(events) == message(EVENT, b"@introduceDomain\0xenwatch\0")


async def test_a_second_watch_that_is_rejected_is_no_subscription(root: str) -> None:
    """One watch of three is not enough, or every retry would look like a reconnect."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await watches(reader)
        writer.write(message(WATCH, b"OK\0") + message(ERROR, b"ENOMEM\0"))
        await reader.read()

    async with xenstored(root, handler), contextlib.aclosing(domain_events(root)) as events:
        with pytest.raises(SourceError, match="rejected the watches"):
            await anext(events)


async def test_a_xenstored_that_hangs_has_a_deadline(root: str) -> None:
    """A xenstored that takes the connection and never answers is given up."""

    async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with xenstored(root, handler), contextlib.aclosing(domain_events(root, 0.01)) as events:
        with pytest.raises(SourceError, match=r"timed out setting watches after 0\.01 s"):
            await anext(events)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed the connection"),
        (message(ERROR, b"EACCES\0"), "rejected the watches"),
        (HEADER.pack(EVENT, 0, 0, 1 << 30), "exceeds 1048576"),
    ],
)
async def test_bad_answers_end_the_stream(root: str, answer: bytes, reason: str) -> None:
    """What is no answer to a watch ends the stream with the reason."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await watches(reader)
        writer.write(answer)
        await writer.drain()

    async with xenstored(root, handler), contextlib.aclosing(domain_events(root)) as events:
        with pytest.raises(SourceError, match=reason):
            await anext(events)


async def test_no_xenstored_is_an_error_of_the_source(root: str) -> None:
    """Where there is neither socket nor device, the stream says so."""
    async with contextlib.aclosing(domain_events(root)) as events:
        with pytest.raises(SourceError, match="neither /run/xenstored/socket"):
            await anext(events)


def named(name: str) -> list[threading.Thread]:
    """The threads of that name."""
    return [thread for thread in threading.enumerate() if thread.name == name]


def opened(path: str) -> int:
    """How many descriptors of this process are of that file."""
    names = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return sum(os.path.realpath(name) == os.path.realpath(path) for name in names)


async def test_a_device_that_hangs_costs_one_thread(root: str) -> None:
    """However often it is tried, one thread and one descriptor hang; they end when it answers."""
    device = root + DEVICES[0]
    os.makedirs(os.path.dirname(device))
    os.mkfifo(device)
    ours = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):  # a full pipe holds up write(2) as the device does
        while True:
            os.write(ours, bytes(4096))
    reasons = []
    for _ in range(5):
        async with contextlib.aclosing(domain_events(root, 0.05)) as events:
            with pytest.raises(SourceError) as raised:
                await anext(events)
            reasons.append(raised.value.reason)
    hanging = named("xenstore-events")

    assert len(hanging) == 1
    assert opened(device) == 2
    assert reasons[0] == "timed out connecting after 0.05 s"
    assert set(reasons[1:]) == {"an earlier attempt to set watches still hangs"}
    with contextlib.suppress(BlockingIOError):
        while True:
            os.read(ours, 1 << 16)
    hanging[0].join()
    assert opened(device) == 1
    os.close(ours)
