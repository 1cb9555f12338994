"""The web server, over HTTP: what is served, to whom, and what is refused."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx

from tests.fake_clock import FakeClock
from tests.support import full_snapshot, labelled, series
from xenwatch import __version__, exposition
from xenwatch.engine import Engine
from xenwatch.limits import LIMITS
from xenwatch.probes import PROBES
from xenwatch.publish import Page, Publisher, render
from xenwatch.sources.base import Source
from xenwatch.web import Server

THRESHOLDS = {limit.name: limit.thresholds for limit in LIMITS}
PLAIN = {"Accept-Encoding": ""}
NAMES = [probe.name for probe in PROBES]


class Site:
    """A server whose engine stands still, and a client that asks for nothing by itself."""

    def __init__(self, max_requests: int = 40) -> None:
        clock = FakeClock()
        self.engine = Engine(cast(Source, None), [], clock)
        self.engine.snapshot = full_snapshot()
        self.publisher = Publisher(self.engine, THRESHOLDS, clock)
        self.page = render(full_snapshot(), THRESHOLDS, {})
        self.publisher.page = self.page
        self.server = Server(self.publisher, NAMES, max_requests)

    @asynccontextmanager
    async def client(self, path: str = "/metrics") -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
        """A client of the server, which is up for the time of the block."""
        server = TestServer(self.server.application(path))
        async with TestClient(server, auto_decompress=False, headers=PLAIN) as client:
            yield client


@pytest.mark.parametrize(
    ("headers", "openmetrics", "packed"),
    [
        ({}, False, False),
        ({"Accept": "application/openmetrics-text"}, True, False),
        ({"Accept-Encoding": "gzip"}, False, True),
        ({"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}, True, True),
    ],
)
async def test_metrics_are_served_as_asked_for(
    headers: dict[str, str], openmetrics: bool, packed: bool
) -> None:
    """The bytes rendered before are sent as they are, in the format and packing agreed on."""
    site = Site()
    async with site.client() as client, client.get("/metrics", headers=headers) as answer:
        body = await answer.read()

    assert answer.status == 200
    assert body == site.page.bodies[openmetrics, packed]
    kind = exposition.OPENMETRICS if openmetrics else exposition.TEXT
    assert answer.headers["Content-Type"] == kind
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert series(gzip.decompress(body) if packed else body, openmetrics)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("collect[]=aio", {"aio"}),
        ("collect[]=aio&collect[]=irqs", {"aio", "irqs"}),
        ("exclude[]=aio", set(NAMES) - {"aio"}),
    ],
)
async def test_probes_can_be_chosen(query: str, expected: set[str]) -> None:
    """The query takes some probes or leaves some out."""
    site = Site()
    async with site.client() as client, client.get(f"/metrics?{query}") as answer:
        body = await answer.read()

    shown = {probe for (probe,) in labelled("xenwatch_probe_duration_seconds", body)}
    assert shown == expected & site.engine.snapshot.outcomes.keys()
    assert (b"xenwatch_aio_requests_used" in body) is ("aio" in expected)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("collect[]=aoi", "no probe is called 'aoi'; did you mean aio?"),
        ("exclude[]=zzzzzz", "known are host"),
        ("collect[]=aio&exclude[]=irqs", "exclude each other"),
        ("collect[]=%1b[2J%ff", r"\x1b[2J"),
        ("collect[]=" + "a" * 5000, "no probe is called"),
    ],
)
async def test_a_bad_choice_is_refused(query: str, message: str) -> None:
    """A query that cannot be answered is refused with the reason."""
    async with Site().client() as client, client.get(f"/metrics?{query}") as answer:
        text = await answer.text()

    assert answer.status == 400
    assert message in text
    assert text.strip("\n").isprintable()


async def test_nothing_is_served_before_the_first_page() -> None:
    """While there is no page the metrics are unavailable, not empty."""
    site = Site()
    site.publisher.page = None
    async with site.client() as client, client.get("/metrics") as answer:
        assert answer.status == 503


async def test_ready_is_after_the_first_pass() -> None:
    """Ready is 503 until there is a page of a whole pass; healthy is 200 always."""
    site = Site()
    async with site.client() as client:
        async with client.get("/-/ready") as answer:
            assert answer.status == 503
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200
        site.publisher.complete = True
        async with client.get("/-/ready") as answer:
            assert answer.status == 200


async def test_the_landing_page_leads_to_the_rest() -> None:
    """The page at / is HTML with the version and links that work."""
    site = Site()
    site.publisher.complete = True
    async with site.client("/limits") as client:
        async with client.get("/") as answer:
            text = await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert __version__ in text
        for path in ("/limits", "/-/healthy", "/-/ready"):
            assert f'href="{path}"' in text
            async with client.get(path) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/-/healthy", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
        ("GET", "/metric", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
async def test_methods_and_paths(method: str, path: str, status: int) -> None:
    """HEAD answers without a body, other methods and paths are refused, all with safe headers."""
    async with Site().client() as client, client.request(method, path) as answer:
        body = await answer.read()

    assert answer.status == status
    assert (body == b"") is (method == "HEAD")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "xenwatch"


async def test_a_head_says_how_long_the_body_is() -> None:
    """HEAD of the metrics has the length GET would have."""
    site = Site()
    asked = {"Accept-Encoding": "gzip"}
    async with site.client() as client, client.head("/metrics", headers=asked) as answer:
        assert int(answer.headers["Content-Length"]) == len(site.page.bodies[False, True])


async def test_scrapes_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scrape more than allowed at a time gets 503; health checks are not counted."""
    site, entered, leave = Site(max_requests=1), asyncio.Event(), asyncio.Event()

    async def slow(_probes: object) -> Page:
        entered.set()
        await leave.wait()
        return site.page

    monkeypatch.setattr(site.publisher, "part", slow)
    async with site.client() as client:
        first = asyncio.ensure_future(client.get("/metrics?collect[]=aio"))
        await entered.wait()
        async with client.get("/metrics") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200
        leave.set()
        assert (await first).status == 200
        async with client.get("/metrics") as answer:
            assert answer.status == 200


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape whose client takes nothing in ends, and its place is free for another."""
    monkeypatch.setattr("xenwatch.web.SLOW", 0.2)
    site = Site(max_requests=1)
    much = bytes(64 << 20)
    site.publisher.page = Page({(False, False): much}, ())
    async with site.client() as client:
        url = client.make_url("/metrics")
        # The reader takes in no more than twice its limit.
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=256)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        site.publisher.page = site.page
        status = 503
        while status == 503:
            async with client.get("/metrics") as answer:
                status = answer.status
        assert status == 200
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(len(much))
        writer.close()


async def test_serving_does_not_block_the_event_loop() -> None:
    """No handler makes a call that waits for a file, a lock or a sleep."""
    site = Site()
    async with site.client() as client:
        with blockbuster_ctx("xenwatch"):
            for path in ("/metrics", "/metrics?collect[]=aio", "/", "/-/healthy", "/-/ready"):
                async with client.get(path) as answer:
                    await answer.read()
                    assert answer.status in (200, 503)
