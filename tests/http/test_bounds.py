"""What a client may ask for at most."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest

from tests.http.test_server import NAMES, Site
from xenwatch.http.server import PARTS


async def test_parts_leave_places_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many parts are asked for, half of the places are for the rest; few are made."""
    site, making, leave = Site(max_requests=16), list[object](), asyncio.Event()

    async def slow(*asked: object) -> bytes:
        making.append(asked)
        await leave.wait()
        return b""

    monkeypatch.setattr(site.publisher, "part", slow)
    async with site.client() as client:
        urls = [f"/metrics?exclude[]={name}" for name in NAMES[:12]]
        parts = [asyncio.ensure_future(client.get(url)) for url in urls]
        for refused in itertools.islice(asyncio.as_completed(parts), 4):
            assert (await refused).status == 503
        assert len(making) == PARTS
        async with client.get("/metrics") as answer:
            assert answer.status == 200
        leave.set()
        statuses = sorted([(await part).status for part in parts])
    assert statuses == [200] * 8 + [503] * 4


@pytest.mark.parametrize(
    "query",
    ["a" * (1 << 20), "&".join(["collect[]=aio"] * 10_000), "collect[]=" + "x" * (1 << 20)],
    ids=["long", "many", "name"],
)
async def test_a_long_query_is_refused(query: str) -> None:
    """A megabyte of a query, and ten thousand names, are no request."""
    site = Site()
    async with site.client() as client:
        url = client.make_url("/metrics")
        reader, writer = await asyncio.open_connection(url.host, url.port)
        with contextlib.suppress(ConnectionError):  # it does not wait for the rest
            writer.write(f"GET /metrics?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
