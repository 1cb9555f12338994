"""Connections over real sockets: how many there may be, and how long they may say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from xenwatch.http import sockets
from xenwatch.http.connections import FULL, IDLE, Site

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(_request: web.Request) -> web.Response:
    """Answer every request alike."""
    return web.Response(text="well\n")


async def fail(_request: web.Request) -> web.Response:
    """Fail as a defect does."""
    raise ZeroDivisionError


class Served:
    """A site at a port of its own, and connections to it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, words: bytes = b"") -> Connection:
        """A new connection on which `words` were said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        writer.write(words)
        await writer.drain()
        return reader, writer

    async def asked(self) -> Connection:
        """A new connection that had its answer and stays open."""
        reader, writer = await self.connect(REQUEST)
        assert b"200 OK" in await reader.readuntil(b"\r\n")
        assert await reader.readuntil(b"well\n")
        return reader, writer

    def close(self) -> None:
        """End all of them."""
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def served(most: int = 10, idle: float = IDLE) -> AsyncIterator[Served]:
    """A site that answers, for the time of the block."""
    application = web.Application()
    application.router.add_get("/", answer)
    application.router.add_get("/fail", fail)
    [sock] = sockets.bind(["127.0.0.1:0"])
    site = Site(application, [sock], most, 0.1, idle=idle)
    await site.start()
    connections = Served(sock.getsockname()[1])
    try:
        yield connections
    finally:
        connections.close()
        await site.stop(None)


async def test_so_many_connections_and_no_more() -> None:
    """One too many is told so and ended, whether the others say anything or not."""
    async with served(most=3) as site:
        await site.connect()
        await site.connect(REQUEST[:-2])
        _, last = await site.asked()
        for _ in range(3):
            reader, _ = await site.connect()
            refusal = await reader.read()
            assert refusal.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
            assert refusal.endswith(b"\r\n\r\n" + FULL)

        last.close()
        await last.wait_closed()
        while (await (await site.connect(REQUEST))[0].readline()) != b"HTTP/1.1 200 OK\r\n":
            pass


@pytest.mark.parametrize("words", [b"", REQUEST[:-2], REQUEST], ids=["nothing", "half", "one"])
async def test_a_connection_that_says_nothing_is_ended(words: bytes) -> None:
    """It ends when its first request or a further one is not there in time."""
    async with served(idle=0.1) as site:
        reader, _ = await site.connect(words)
        async with asyncio.timeout(30):
            assert (await reader.read() == b"") == (words != REQUEST)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["version", "long", "no gzip"],
)
async def test_a_client_cannot_fill_the_log(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is malformed is a line at level debug, and none of the libraries."""
    async with served() as site:
        with capture_logs() as logs:
            reader, _ = await site.connect(sent)
            await reader.read()
    [line] = logs
    assert (line["event"], line["log_level"]) == ("malformed request", "debug")
    assert line["peer"] == "127.0.0.1" or sent.endswith(b"abc")
    assert caplog.records == []


async def test_a_failure_of_ours_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What fails in the daemon itself keeps its traceback."""
    async with served() as site:
        reader, _ = await site.connect(REQUEST.replace(b"/", b"/fail", 1))
        assert b"500" in await reader.readline()
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.levelname == "ERROR"


async def test_the_end_does_not_wait_for_a_deadline_in_the_past() -> None:
    """A site is stopped at once when there is no time left."""
    application = web.Application()
    asked, forever = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        asked.set()
        await forever.wait()
        return web.Response()

    application.router.add_get("/", hang)
    [sock] = sockets.bind(["127.0.0.1:0"])
    site = Site(application, [sock], 10, 1e6)
    await site.start()
    connections = Served(sock.getsockname()[1])
    await connections.connect(REQUEST)
    await asked.wait()
    await site.stop(0)
    forever.set()
    connections.close()
