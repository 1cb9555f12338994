"""Answers that cannot be sent: the client takes nothing in, or is gone."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from tests.http.test_server import Site
from xenwatch.exposition.text_format import Block, Family, Page
from xenwatch.http.refusals import ABANDONED, Refusals
from xenwatch.http.sending import LARGEST, PIECE, QUICK, Sending
from xenwatch.passes.bodies import Bodies

SIZE = 64 << 20
"""Bytes of a body that no socket takes in at once."""


def much(requests: int) -> Site:
    """A daemon for so many requests at a time, whose metrics are of that size."""
    site = Site(max_requests=requests)
    page = Page({}, {"much": Block(Family("much", "gauge", "", (), []), [], bytes(SIZE))})
    site.publisher.newest = dataclasses.replace(site.newest, metrics=Bodies(lambda: page))
    return site


async def slow_client(
    client: TestClient[Any, Any],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One that is being sent the metrics, and takes in no more than twice its limit."""
    url = client.make_url("/metrics")
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=256)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    return reader, writer


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape whose client takes nothing in ends, and its place is free for another."""
    monkeypatch.setattr("xenwatch.http.sending.SEND_TIMEOUT", 0.2)
    site = much(requests=1)
    async with site.client() as client:
        reader, writer = await slow_client(client)
        site.publisher.newest = site.newest
        status = 503
        while status == 503:
            async with client.get("/metrics") as answer:
                status = answer.status
        assert status == 200
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(SIZE)
        writer.close()


class Gone:
    """A response and its request whose client has left: what aiohttp raises, and the transport."""

    def __init__(self) -> None:
        self.transport = self
        self.remote = "192.0.2.1"
        self.body = b""
        self.aborted = False

    async def prepare(self, _: object) -> None:
        """The head could be sent."""

    async def write_eof(self) -> None:
        """The body cannot."""
        raise ClientConnectionResetError("Cannot write to closing transport")

    def abort(self) -> None:
        """Note the end of the connection."""
        self.aborted = True


async def test_a_client_that_left_is_no_error() -> None:
    """Clients that are gone when their answer is there are counted, and cost one line."""
    gone: Any = Gone()
    refusals = Refusals(float)
    with capture_logs() as logs:
        for _ in range(3):
            await Sending(refusals, float).send(gone, gone)

    assert gone.aborted
    assert refusals.counts[ABANDONED] == 3
    assert [(entry["reason"], entry["last"]) for entry in logs] == [
        (ABANDONED, "Cannot write to closing transport")
    ]


class Slow:
    """A body and its request whose client takes so long for the pieces, by the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.sizes: list[int] = []
        self.transport = self
        self.method = "GET"
        self.body = bytes(12 * PIECE)

        async def end(_: object) -> None:
            pass

        monkeypatch.setattr(web.StreamResponse, "write_eof", end)

    async def prepare(self, _: object) -> None:
        """The head could be sent."""

    async def write(self, data: memoryview) -> None:
        """Take a piece in."""
        self.sizes.append(len(data))
        self.now += self.seconds[len(self.sizes) - 1]


@pytest.mark.parametrize(
    ("seconds", "pieces"),
    [
        ([QUICK * 0.9] * 5, [1, 1, 2, 4, 4]),
        ([QUICK * 1.1] * 12, [1] * 12),
        ([0.0] * 3 + [0.9] * 6, [1, 1, 2, 4, 1, 1, 1, 1]),
        ([0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.0], [1, 1, 2, 1, 2, 4, 1]),
    ],
)
async def test_pieces_grow_for_clients_that_take_them_quickly(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], pieces: list[int]
) -> None:
    """A slow one that always reads gets the smallest, which it takes before it seems stalled."""
    slow: Any = Slow(monkeypatch, seconds)
    await Sending(Refusals(float), lambda: slow.now).send(slow, slow)

    assert slow.sizes == [piece * PIECE for piece in pieces]


async def test_a_client_that_does_not_read_gives_way_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every place is taken by clients that take nothing, a new one is served at once."""
    monkeypatch.setattr("xenwatch.http.sending.STALLED", 0.0)
    async with much(requests=2).client() as client:
        slow = [await slow_client(client) for _ in range(3)]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await slow[0][0].readexactly(SIZE)
        for _, writer in slow:
            writer.close()


async def test_a_client_is_given_no_more_at_a_time_than_it_has_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pieces grow while a client takes them: one that takes nothing costs the first one alone."""
    monkeypatch.setattr("xenwatch.http.sending.QUICK", 60.0)
    sizes: list[int] = []
    write = web.StreamResponse.write

    async def noting(response: web.StreamResponse, data: memoryview) -> None:
        sizes.append(len(data))
        await write(response, data)

    monkeypatch.setattr(web.StreamResponse, "write", noting)
    async with much(requests=1).client() as client, client.get("/metrics") as answer:
        assert len(await answer.read()) > SIZE

    assert sum(sizes) > SIZE
    assert sizes[0] == PIECE
    assert all(
        size <= min(LARGEST, max(PIECE, sum(sizes[:number]))) for number, size in enumerate(sizes)
    )
    assert max(sizes) == LARGEST
