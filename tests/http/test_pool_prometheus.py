"""The page of a pool from a Prometheus: what it says, and what one that is hostile can do."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tests.http.test_server import NAMES, Site
from tests.page.test_page import FULL
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.config import pool_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.http import answers as answers_module
from xenwatch.http.members import Members, configured, scraped
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.status import pool_series, prometheus
from xenwatch.status.pool import Hosts
from xenwatch.status.targets import Targets

JOB, OWN = "dom0", {"instance": "here"}
QUERIES = pool_series.target_queries(JOB) | pool_series.queries(JOB, Targets())
NAMES_OF = {query: name for name, query in QUERIES.items()}
Answer = Callable[[str], Awaitable[web.Response]]


def vector(*rows: tuple[dict[str, str], Any]) -> bytes:
    """The answer of Prometheus to an instant query."""
    result = [{"metric": labels, "value": [FULL.time, str(value)]} for labels, value in rows]
    document = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return json.dumps(document).encode()


def well(name: str, query: str) -> bytes:
    """What is said of a host that is fine."""
    values: dict[str, tuple[dict[str, str], Any]] = {
        pool_series.UP: ({}, 1),
        pool_series.SEEN: ({}, 9e10),  # never old
        CRITICAL: ({}, 0),
        WARNING: ({}, 0),
        pool_series.UNKNOWN: ({}, 0),
        pool_series.FULLEST: ({"limit": "ptys"}, 0.5),
        pool_series.DOMAINS: ({}, 7),
    }
    if query not in values:
        return vector()
    labels, value = values[query]
    return vector(({"instance": name, **labels}, value))


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """The URL of a Prometheus that answers a query by its name so."""

    async def handle(request: web.Request) -> web.Response:
        return await answer(NAMES_OF[request.query["query"]])

    app = web.Application()
    app.router.add_get(f"/base{prometheus.PATH}", handle)
    async with TestServer(app) as server:
        yield f"{server.make_url('/base')}/"


async def asked(url: str) -> Hosts:
    """What the page has of it."""
    found = await Members(scraped(Endpoint(url), JOB, OWN)).answers()
    assert found is not None
    return found


async def test_a_host_of_a_prometheus_is_on_the_page() -> None:
    """Beside this host, without a link; its limit is named by its title."""

    async def answer(query: str) -> web.Response:
        return web.Response(body=well("xen2", query))

    async with serving(answer) as url:
        site = Site()
        ask = scraped(Endpoint(url), JOB, OWN)
        site.handlers = Handlers(site.publisher, NAMES, 40, Refusals(float), members=ask)
        async with site.client() as client, client.get("/pool") as response:
            text = await response.text()

    assert "<bdi>xen2</bdi>" in text
    assert 'href="xen2' not in text
    assert "pseudo-terminals" in text
    assert "badge ok" in text


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"nonsense", {}, 200, "not a Prometheus response"),
        (b'{"data": {"result": [3]}}', {}, 200, "not a Prometheus response"),
        (b'{"data": {"result": [{"metric": {}, "value": "x"}]}}', {}, 200, "not a Prometheus"),
        (b'{"status": "error"}', {}, 422, "HTTP status 422"),
        (b"no", {}, 401, "HTTP status 401; set pool.username"),
        (b"", {"Location": "/elsewhere"}, 302, "HTTP status 302"),
        (
            gzip.compress(vector(), mtime=0),
            {"Content-Encoding": "gzip"},
            200,
            "response is compressed",
        ),
        (b"x" * 4096, {}, 200, "response too large: more than"),
        (b"[" + b"[]," * 200 + b"[]]", {}, 200, "too many objects and arrays"),
        (b"[" * 100 + b"]" * 100, {}, 200, "not a Prometheus response"),
        (b'{"data": {"result": [{"metric": {}, "value": [0, ' + b"9" * 500 + b"]}]}}", {}, 200, ""),
    ],
)
async def test_a_bad_answer_makes_a_host_unknown(
    body: bytes,
    headers: dict[str, str],
    status: int,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rest is shown as it is; a row says how many queries failed, and why."""
    monkeypatch.setattr(answers_module, "MOST_BYTES", 2048)
    monkeypatch.setattr(answers_module, "MOST_PARTS", 150)

    async def answer(query: str) -> web.Response:
        if query == CRITICAL:
            return web.Response(body=body, headers=headers, status=status)
        return web.Response(body=well("xen2", query))

    async with serving(answer) as url:
        failed, host = (await asked(url)).rows

    assert (failed.url, failed.state) == (url, "unknown")
    assert f"1 of {len(QUERIES)} queries failed: " in failed.reason
    assert reason in failed.reason
    assert (host.name, host.state, host.critical, host.warning) == ("xen2", "unknown", None, 0)
    assert (host.domains, host.ratio) == (7, 0.5)


async def test_the_hosts_are_found_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of large answers take a thread of their own: the loop goes on meanwhile."""
    threads = set()
    hosts = pool_series.hosts

    def noting(*arguments: Any) -> Hosts:
        threads.add(threading.current_thread())
        return hosts(*arguments)

    monkeypatch.setattr(pool_series, "hosts", noting)

    async def answer(query: str) -> web.Response:
        return web.Response(body=well("xen2", query))

    async with serving(answer) as url:
        assert [row.name for row in (await asked(url)).rows] == ["xen2"]

    assert len(threads) == 1
    assert threading.current_thread() not in threads


async def test_a_prometheus_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """All queries together have one deadline, however many wait for their turn."""
    monkeypatch.setattr(answers_module, "DEADLINE", 0.5)
    begun = []

    async def answer(query: str) -> web.Response:
        begun.append(query)
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(answer) as url:
        (row,) = (await asked(url)).rows

    assert 0 < len(begun) < len(QUERIES)
    assert row.reason == f"{len(QUERIES)} of {len(QUERIES)} queries failed: timed out after 0.5 s"


async def test_a_prometheus_that_is_gone_is_unknown() -> None:
    """A refused connection has its reason."""
    (row,) = (await asked(f"http://127.0.0.1:{unused_port()}")).rows

    assert (row.state, row.domains) == ("unknown", None)
    assert "queries failed: " in row.reason


async def test_hosts_of_two_sites_are_asked_for_as_two() -> None:
    """The first answers say what tells them apart, and the other queries group by it."""
    heard = set()

    async def handle(request: web.Request) -> web.Response:
        heard.add(request.query["query"])
        one, other = ({"instance": "xen2", "site": site} for site in "ab")
        return web.Response(body=vector((one, 1), (other, 0)))

    app = web.Application()
    app.router.add_get(prometheus.PATH, handle)
    async with TestServer(app) as server:
        rows = (await asked(str(server.make_url("")))).rows

    apart = pool_series.queries(JOB, Targets(("site",)))
    assert heard == {*pool_series.target_queries(JOB).values(), *apart.values()}
    assert [(row.name, row.reason == pool_series.DOWN) for row in rows] == [
        ("xen2 (site=a)", False),
        ("xen2 (site=b)", True),
    ]


async def test_a_prometheus_without_hosts_says_what_was_asked() -> None:
    """An empty answer is not an empty pool."""

    async def answer(_query: str) -> web.Response:
        return web.Response(body=vector())

    async with serving(answer) as url:
        (row,) = (await asked(url)).rows

    assert (row.state, row.reason[:18]) == ("unknown", "no hosts found by ")
    assert f'job="{JOB}"' in row.reason
    assert "alerts.job" in row.reason


async def test_it_is_asked_as_configured(tmp_path: Path) -> None:
    """The user and the password of the file go with each query, and the host itself stays out."""
    password = tmp_path / "password"
    password.write_text("secret\n")
    heard = set()

    async def handle(request: web.Request) -> web.Response:
        heard.add(request.headers["Authorization"])
        return web.Response(body=vector(({"instance": "me"}, 1), ({"instance": "you"}, 1)))

    app = web.Application()
    app.router.add_get(prometheus.PATH, handle)
    async with TestServer(app) as server:
        values = {
            pool_keys.PROMETHEUS.path: str(server.make_url("")),
            pool_keys.USER.path: "reader",
            pool_keys.PASSWORD.path: str(password),
        }
        found = await configured(Settings(values), "me")()

    assert [row.name for row in found.rows] == ["you"]
    assert heard == {f"Basic {base64.b64encode(b'reader:secret').decode()}"}
