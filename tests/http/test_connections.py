"""Connections over real sockets: how many there may be, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import time
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from xenwatch.http import entrance, sockets
from xenwatch.http.connections import IDLE, Site
from xenwatch.http.entrance import REJECTION
from xenwatch.http.refusals import DESCRIPTORS, MALFORMED, Refusals
from xenwatch.http.refusals import IDLE as IDLE_CLOSED

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

    def __init__(self, port: int, waits: asyncio.Event, leave: asyncio.Event) -> None:
        self.waits = waits
        self.leave = leave
        self.refusals = Refusals(float)
        self.port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, words: bytes = b"") -> Connection:
        """A new connection on which `words` were said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
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
async def served(
    most: int = 10,
    idle: float = IDLE,
    silent: int = 10,
    kind: type[socket.socket] = socket.socket,
) -> AsyncIterator[Served]:
    """A site that answers, for the time of the block."""
    application = web.Application()
    asked, leave = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        asked.set()
        await leave.wait()
        return web.Response(text="well\n")

    application.router.add_get("/", answer)
    application.router.add_get("/fail", fail)
    application.router.add_get("/wait", wait)
    [bound] = sockets.bind(["127.0.0.1:0"])
    sock = kind(fileno=bound.detach())
    connections = Served(sock.getsockname()[1], asked, leave)
    refusals = connections.refusals
    site = Site(application, [sock], most, 0.1, refusals=refusals, idle=idle, silent=silent)
    await site.start()
    try:
        yield connections
    finally:
        leave.set()
        connections.close()
        await site.stop(None)


async def test_a_new_connection_has_the_place_of_the_longest_idle() -> None:
    """Whatever is open and idle, a new request is answered, and the oldest connection is closed."""
    async with served(most=3) as site:
        first, _ = await site.asked()
        half, _ = await site.connect(REQUEST[:-2])
        for _ in range(9):
            await site.asked()
        assert await first.read() == b""
        assert await half.read() == b""
        assert site.refusals.counts[IDLE_CLOSED] == 8


async def test_a_request_in_progress_is_not_idle() -> None:
    """Only where every connection is being served one more is told so, and ended."""
    async with served(most=2) as site:
        for _ in range(2):
            slow, _ = await site.connect(REQUEST.replace(b"/", b"/wait", 1))
            await site.waits.wait()
            site.waits.clear()
        refused, _ = await site.connect(REQUEST)
        assert await refused.read() == REJECTION
        site.leave.set()
        assert await slow.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_those_that_say_nothing_close_each_other() -> None:
    """Connections that say nothing take no place from those that do."""
    async with served(most=2, silent=5) as site:
        kept = await site.asked()
        silent = [(await site.connect())[0] for _ in range(20)]
        for reader in silent[:15]:
            assert await reader.read() == b""
        kept[1].write(REQUEST)
        assert await kept[0].readline() == b"HTTP/1.1 200 OK\r\n"
        await site.asked()
        assert not any(reader.at_eof() for reader in silent[16:])


async def test_a_request_that_nobody_has_looked_at_is_no_silence() -> None:
    """Of many that have asked before they are accepted none is closed as silent."""
    async with served(most=200, silent=1) as site:
        asked = []
        for _ in range(50):
            asked.append(socket.create_connection(("127.0.0.1", site.port)))
            asked[-1].sendall(REQUEST)
        for sock in asked:
            sock.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=sock)
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()


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
    ],
    ids=["version", "long"],
)
async def test_a_client_cannot_fill_the_log(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is malformed is counted, and one line in a while; the libraries write none."""
    async with served() as site:
        with capture_logs() as logs:
            for _ in range(3):
                reader, _ = await site.connect(sent)
                await reader.read()
    [line] = logs
    assert (line["event"], line["reason"]) == ("web requests refused or delayed", MALFORMED)
    assert line["last_peer"] == "127.0.0.1"
    assert site.refusals.counts[MALFORMED] == 3
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
    site = Site(application, [sock], 10, 1e6, refusals=Refusals(float))
    await site.start()
    connections = Served(sock.getsockname()[1], asked, forever)
    await connections.connect(REQUEST)
    await asked.wait()
    await site.stop(0)
    forever.set()
    connections.close()


@pytest.mark.parametrize(("patience", "refused"), [(60.0, False), (0.0, True)])
async def test_a_connection_waits_for_a_descriptor(
    monkeypatch: pytest.MonkeyPatch, patience: float, refused: bool
) -> None:
    """One that is used up for a moment is waited for; then the client is told to retry later."""
    monkeypatch.setattr(entrance, "PATIENCE", patience)
    errors = [errno.EMFILE] if refused else [errno.EMFILE, errno.EMFILE]
    number = len(errors)

    class Lacking(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            if errors:
                raise OSError(errors.pop(), "made to fail")
            return super().accept()

    async with served(kind=Lacking) as site:
        reader, _ = await site.connect(REQUEST)
        status = (await reader.readline()).split()[1]

    assert status == (b"503" if refused else b"200")
    assert site.refusals.counts[DESCRIPTORS] == number


@pytest.mark.parametrize("late", [0.0, 0.2, 0.5])
async def test_a_late_event_loop_refuses_too(late: float) -> None:
    """On a starved host, too, a connection is told at last that no descriptor is free."""
    now = [0.0]
    refusals, refused = Refusals(float), list[socket.socket]()
    waiting = entrance.Entrance(
        [], 10, 1e6, spoke=socket.socket.close, free=lambda: False, refusals=refusals
    )
    waiting._refuse_one = refused.append  # type: ignore[assignment, method-assign]
    waiting._loop = cast(
        "asyncio.AbstractEventLoop",
        types.SimpleNamespace(
            time=lambda: now[0], remove_reader=lambda _: None, call_later=lambda *_: None
        ),
    )
    with socket.socket() as listener:
        while now[0] <= entrance.PATIENCE:
            assert refused == []
            waiting._make_room(listener, OSError(errno.EMFILE, ""))
            now[0] += entrance.PAUSE + late
        waiting._make_room(listener, OSError(errno.EMFILE, ""))

    assert refused == [listener]


@pytest.mark.no_cover
async def test_a_body_that_is_packed_stays_so() -> None:
    """Nobody wants it, and a small one may be gigabytes: to unpack it would cost far more."""
    packed = gzip.compress(bytes(64 << 20))
    head = f"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(packed)}\r\n"
    asked, unpacked = [], []
    async with served() as site:
        for _ in range(3):
            before = time.process_time()
            reader, _ = await site.connect(
                f"{head}Content-Encoding: gzip\r\n\r\n".encode() + packed
            )
            assert (await reader.read()).split()[1] == b"405"
            asked.append(time.process_time() - before)
            before = time.process_time()
            gzip.decompress(packed)
            unpacked.append(time.process_time() - before)

    assert min(asked) < min(unpacked) / 2
