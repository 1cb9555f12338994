"""Events of the host: xenstore's watches against a pretended xenstored, and links."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, LINK
from xenwatch.sources.base import SourceError
from xenwatch.sources.events import domain_events, follow, host_streams, link_events
from xenwatch.sources.xenstored import HEADER, SOCKETS

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
    """The payloads of the two watches a client asks for."""
    payloads = []
    for _ in range(2):
        kind, _, _, length = HEADER.unpack(await reader.readexactly(HEADER.size))
        assert kind == WATCH
        payloads.append(await reader.readexactly(length))
    return payloads


async def test_domains_come_and_go(root: str) -> None:
    """Every watch event is an event of domains, however its bytes are cut."""
    asked: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.extend(await watches(reader))
        writer.write(message(WATCH, b"OK\0") * 2 + message(EVENT, b"@introduceDomain\0xenwatch\0"))
        await asyncio.wait_for(more.wait(), 30)
        data = message(EVENT, b"@releaseDomain\0xenwatch\0")
        writer.write(data[:20])
        await writer.drain()
        writer.write(data[20:])
        await reader.read()

    more = asyncio.Event()
    stream = domain_events(root, settle=60)
    async with xenstored(root, handler), contextlib.aclosing(stream) as events:
        assert await anext(events) == DOMAIN
        more.set()
        assert await anext(events) == DOMAIN

    assert asked == [b"@introduceDomain\0xenwatch\0", b"@releaseDomain\0xenwatch\0"]


async def test_domains_are_told_to_have_settled(root: str) -> None:
    """After the last event there is one more, for Xen forgets a domain after its release."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await watches(reader)
        writer.write(message(EVENT, b"@releaseDomain\0xenwatch\0"))
        await reader.read()

    stream = domain_events(root, settle=0.01)
    async with xenstored(root, handler), contextlib.aclosing(stream) as events:
        assert await anext(events) == DOMAIN
        assert await anext(events) == DOMAIN_SETTLED
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.1)


async def test_a_xenstored_that_hangs_has_a_deadline(root: str) -> None:
    """A xenstored that takes the connection and never answers is given up."""

    async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with xenstored(root, handler), contextlib.aclosing(domain_events(root, 0.01)) as events:
        with pytest.raises(SourceError, match=r"xenstored: accepted no watch within 0\.01 s"):
            await anext(events)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed the connection"),
        (message(ERROR, b"EACCES\0"), "refused to watch"),
        (HEADER.pack(EVENT, 0, 0, 1 << 30), "too large"),
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
        with pytest.raises(SourceError, match="no /run/xenstored/socket"):
            await anext(events)


async def test_links_are_watched() -> None:
    """The stream of links is connected at once, and then waits for the kernel."""
    async with contextlib.aclosing(link_events()) as events:
        assert await anext(events) == LINK


async def test_streams_are_connected_again() -> None:
    """A stream that ends is tried again, later each time, and told of once."""
    waits: list[float] = []
    kicks: list[str] = []
    enough = asyncio.Event()

    async def connect() -> AsyncGenerator[str, None]:
        if len(waits) == 7:
            yield DOMAIN
        raise SourceError("xenstored", "closed the connection")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 9:
            enough.set()
            await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(follow("xenstore", connect, kicks.append, sleep))
        await enough.wait()
        task.cancel()

    assert waits == [1, 2, 4, 8, 16, 30, 30, 1, 2]
    assert kicks == [DOMAIN]
    assert [entry["log_level"] for entry in logs] == ["warning", "info", "warning"]


def test_the_host_has_streams_of_domains_and_links() -> None:
    """The live host's streams have names for the log."""
    assert list(host_streams("/")) == ["xenstore", "rtnetlink"]
