"""The web server, over HTTP: what is served, to whom, and what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx

from tests.fake_clock import FakeClock
from tests.planning.support import counted_plans
from tests.sources.fakes import TableSource
from tests.support import full_snapshot, labelled, series
from xenwatch import __version__
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Assessment, Rules
from xenwatch.config.settings import Settings
from xenwatch.exposition import text_format
from xenwatch.http import status_page
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.http.status_page import StatusCache, static_files
from xenwatch.page import errors
from xenwatch.page.document import Links
from xenwatch.passes.publisher import Publisher, assess
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes import PROBES
from xenwatch.status import activity, host_status
from xenwatch.status.host_status import HostStatus

RULES = Rules()
PLAIN = {"Accept-Encoding": ""}
NAMES = [probe.name for probe in PROBES]


class Site:
    """A server whose scheduler stands still, and a client that asks for nothing by itself."""

    def __init__(self, max_requests: int = 40) -> None:
        clock = FakeClock()
        self.scheduler = Scheduler(TableSource(), [], clock)
        self.scheduler.snapshot = full_snapshot()
        self.publisher = Publisher(self.scheduler, RULES, clock)
        self.newest = assess(full_snapshot(), RULES)
        self.publisher.newest = self.newest
        self.handlers = Handlers(self.publisher, NAMES, max_requests, Refusals(float))

    @asynccontextmanager
    async def client(self, path: str = "/metrics") -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
        """A client of the server, which is up for the time of the block."""
        server = TestServer(self.handlers.application(path))
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
    assert body == site.newest.metrics[openmetrics, packed]
    kind = text_format.OPENMETRICS if openmetrics else "text/plain; version=0.0.4; charset=utf-8"
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
    assert shown == expected & site.scheduler.snapshot.outcomes.keys()
    assert (b"xenwatch_aio_requests_used" in body) is ("aio" in expected)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("collect[]=aoi", "unknown probe 'aoi'; did you mean aio?"),
        ("exclude[]=zzzzzz", "must be one of: host"),
        ("collect[]=aio&exclude[]=irqs", "mutually exclusive"),
        ("collect[]=%1b[2J%ff", r"\x1b[2J"),
        ("collect[]=" + "a" * 5000, "unknown probe"),
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
    site.publisher.newest = None
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


async def test_the_status_page_leads_to_the_rest() -> None:
    """The page at / is HTML with the version, and what it links to and loads is there."""
    site = Site()
    site.publisher.complete = True
    async with site.client("/limits") as client:
        async with client.get("/") as answer:
            text = await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert __version__ in text
        paths = set(re.findall(r'(?:href|src)="(/[^"#]+)"', text))
        assert errors.PATH in paths
        assert {"/limits", "/-/healthy", "/-/ready", host_status.PATH, activity.PATH} <= paths
        assert len([path for path in paths if path.startswith("/static/")]) == 3
        for path in paths:
            async with client.get(path) as answer:
                assert answer.status == 200


async def test_alerts_on_the_page_lead_to_their_runbooks() -> None:
    """By default the page and the JSON link the runbook that the daemon itself serves."""
    site = Site()
    policy = dataclasses.replace(Settings().alerts(), seconds={alert.name: 0 for alert in ALERTS})
    site.publisher.newest = assess(full_snapshot(), Rules(policy=policy))
    async with site.client() as client:
        async with client.get(host_status.PATH) as answer:
            found = host_status.loads(await answer.read())
        async with client.get("/") as answer:
            text = await answer.text()
        assert found.alerts
        for alert in found.alerts:
            assert f'<a href="{alert.runbook_url}">{alert.alert}</a>' in text
            async with client.get(alert.runbook_url) as answer:
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
                assert (await answer.text()).startswith(f"# {alert.alert}\n")


async def test_files_of_the_page_are_kept_by_browsers() -> None:
    """A file has its type, and since its path changes with its content, may be kept for ever."""
    kinds = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
    async with Site().client() as client:
        for name, kind in kinds.items():
            async with client.get(static_files()[name].path) as answer:
                assert answer.headers["Content-Type"].startswith(kind)
                assert "immutable" in answer.headers["Cache-Control"]
                assert await answer.read() == static_files()[name].content


@pytest.mark.parametrize("path", ["/", "/?q=web", host_status.PATH])
async def test_views_are_packed_when_asked_for(path: str) -> None:
    """The page and the status are the same packed, and must be asked for anew each time."""
    async with Site().client() as client:
        async with client.get(path) as answer:
            plain = await answer.read()
        async with client.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
            packed = await answer.read()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert gzip.decompress(packed) == plain


async def test_a_view_is_rendered_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many readers of a page cost one rendering, the next page another."""
    rendered: list[Assessment] = []

    def counting(assessment: Assessment, *others: Any) -> HostStatus:
        rendered.append(assessment)
        return host_status.host_status(assessment, *others)

    monkeypatch.setattr(status_page, "host_status", counting)
    site = Site()
    async with site.client() as client:
        first = await asyncio.gather(*(client.get("/") for _ in range(5)))
        assert len({await answer.read() for answer in first}) == 1
        assert len(rendered) == 1
        site.publisher.newest = assess(full_snapshot(), RULES)
        await client.get("/")
        assert len(rendered) == 2


async def test_a_filter_plans_and_judges_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are made with the pass, the status with its first reader, and neither for a filter."""
    calls = counted_plans(monkeypatch)
    site = Site()
    assert len(calls) == len(RULES.shapes)
    made: list[Assessment] = []

    def counting(assessment: Assessment, *others: Any) -> HostStatus:
        made.append(assessment)
        return host_status.host_status(assessment, *others)

    monkeypatch.setattr(status_page, "host_status", counting)
    async with site.client() as client:
        for number in range(10):
            async with client.get(f"/?q={number}") as answer:
                assert answer.status == 200
        async with client.get(host_status.PATH) as answer:
            assert answer.status == 200

    assert len(calls) == len(RULES.shapes)
    assert made == [site.newest.assessment]


async def test_a_reader_who_leaves_costs_the_others_nothing() -> None:
    """A view goes on being rendered for those who wait though the first to ask has gone."""
    site = Site()
    rendered = StatusCache("", Links("", "", "", {})).rendered(site.newest.assessment)
    first = asyncio.ensure_future(rendered.html())
    await asyncio.sleep(0)
    second = asyncio.ensure_future(rendered.html())
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).plain.startswith(b"<!DOCTYPE html>")


async def test_the_filter_is_in_the_query() -> None:
    """`q` filters the domains; a long one is cut."""
    async with Site().client() as client:
        async with client.get("/?q=no-such-domain") as answer:
            assert "None of 3 domains match." in await answer.text()
        async with client.get("/?q=" + "a" * 5000) as answer:
            assert answer.status == 200
            assert "a" * 101 not in await answer.text()


async def test_the_json_is_what_the_page_shows() -> None:
    """The JSON is read back as the status of the snapshot, with the host's name."""
    async with Site().client() as client, client.get(host_status.PATH) as answer:
        found = host_status.loads(await answer.read())

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert found.hostname == socket.gethostname()
    assert found.time == full_snapshot().time
    assert found.domains is not None
    assert [domain.domid for domain in found.domains] == [0, 5, 6]
    assert found.alerts is None


async def test_what_vms_do_is_served_as_json() -> None:
    """The activity of the newest pass, as `xenwatch top` reads it."""
    async with Site().client() as client, client.get(activity.PATH) as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert activity.loads(await answer.read()) == activity.activity(full_snapshot())


async def test_there_is_no_view_before_the_first_page() -> None:
    """While there is nothing to show the page comes again by itself, and JSON says why."""
    site = Site()
    site.publisher.newest = None
    async with site.client() as client:
        async with client.get("/") as answer:
            assert (answer.status, answer.headers["Refresh"]) == (503, "2")
        for path in (host_status.PATH, activity.PATH):
            async with client.get(path) as answer:
                assert answer.status == 503
                assert "error" in await answer.json()


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
        assert int(answer.headers["Content-Length"]) == len(site.newest.metrics[False, True])


async def test_scrapes_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scrape more than allowed at a time gets 503; health checks are not counted."""
    site, entered, leave = Site(max_requests=1), asyncio.Event(), asyncio.Event()

    async def slow(*_asked: object) -> bytes:
        entered.set()
        await leave.wait()
        return b""

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


async def test_serving_does_not_block_the_event_loop() -> None:
    """No handler makes a call that waits for a file, a lock or a sleep."""
    site = Site()
    async with site.client() as client:
        with blockbuster_ctx("xenwatch"):
            for path in (
                "/metrics",
                "/metrics?collect[]=aio",
                "/",
                host_status.PATH,
                "/-/healthy",
                errors.PATH,
            ):
                async with client.get(path) as answer:
                    await answer.read()
                    assert answer.status in (200, 503)
