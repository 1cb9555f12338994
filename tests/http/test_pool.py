"""The page of a pool: hosts side by side, and what a member that does not answer looks like."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tests.http.test_server import NAMES, Site
from tests.page.test_page import FULL
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.http import members as members_module
from xenwatch.http.members import Members
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.status import host_status
from xenwatch.status.pool import Member, host_rows

NOW = FULL.time
asked: list[str] = []


@asynccontextmanager
async def member(body: bytes | None, status: int = 200) -> AsyncIterator[str]:
    """The URL of a daemon that says this, or hangs with nothing to say."""

    async def overview(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        if body is None:
            await asyncio.sleep(60)
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get(host_status.PATH, overview)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def endpoints(*urls: str) -> Sequence[Endpoint]:
    """Members without users."""
    return [Endpoint(url) for url in urls]


def saying(**fields: object) -> bytes:
    """What a host with these fields says."""
    return host_status.dumps(dataclasses.replace(FULL, **fields)).encode()  # type: ignore[arg-type]


async def test_the_worst_host_comes_first() -> None:
    """Each has its state, its most urgent limit and a link; this one is among them."""
    row = dataclasses.replace(FULL.limits[0], state="critical", ratio=0.97)
    async with member(saying(hostname="bad", limits=(row,))) as url:
        site = Site()
        site.handlers = Handlers(site.publisher, NAMES, 40, Refusals(float), members=endpoints(url))
        async with site.client() as client, client.get("/pool") as answer:
            text = await answer.text()

    names = re.findall(r'role="rowheader"><span><a href="([^"]*)"><bdi>([^<]*)<', text)
    assert names[0] == (f"{url}/", "bad")
    assert names[1][0] == "/"
    assert "97.0 %" in text


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"nonsense", 200, "not a status document"),
        (b"no", 401, "HTTP status 401; set pool.username"),
        (b"x" * 2048, 200, "response too large"),
        (None, 200, "timed out after"),
    ],
)
async def test_what_a_member_does_not_say_is_unknown(
    body: bytes | None, status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never fine, and the reason is told; answers are bounded in size and time."""
    monkeypatch.setattr(members_module, "MOST_BYTES", 1024)
    monkeypatch.setattr(members_module, "DEADLINE", 0.5 if body is None else 60.0)
    async with member(body, status) as url:
        (found,) = await Members(endpoints(url)).answers()

    assert found.status is None
    assert reason in found.reason
    (row,) = host_rows([found], NOW)
    assert (row.state, row.domains, row.critical) == ("unknown", None, None)


async def test_a_member_that_is_gone_is_unknown() -> None:
    """A refused connection has its reason."""
    url = f"http://127.0.0.1:{unused_port()}"
    (found,) = await Members(endpoints(url)).answers()

    assert (found.status, found.url) == (None, url)
    assert found.reason


async def test_a_defect_hides_no_other_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with one answer is the reason of that member alone."""
    loads, bad = host_status.loads, saying(hostname="bad")

    def broken(body: bytes) -> host_status.HostStatus:
        if body == bad:
            raise ArithmeticError("no such number")
        return loads(body)

    monkeypatch.setattr(host_status, "loads", broken)
    async with member(bad) as one, member(saying()) as other:
        found = await Members(endpoints(one, other)).answers()

    assert [answer.reason for answer in found] == ["no such number", ""]


async def test_members_are_asked_once_for_all_who_look() -> None:
    """Clients at the same time, and those shortly after, get the same answers."""
    asked.clear()
    clock = iter([100.0, 100.0, 100.0, 100.0 + members_module.FRESH])
    last = 100.0 + members_module.FRESH
    async with member(saying()) as url:
        members = Members(endpoints(url), lambda: next(clock, last))
        await asyncio.gather(*(members.answers() for _ in range(3)))
        assert len(asked) == 1
        await members.answers()
        await members.answers()
    assert len(asked) == 2


def test_old_readings_are_not_fine() -> None:
    """A host whose readings stand still is unknown, and so is one that has none yet."""
    fine = dataclasses.replace(FULL, limits=(), alerts=())
    stale, empty = (
        dataclasses.replace(FULL, time=time, limits=FULL.limits[:1]) for time in (NOW - 500, 0.0)
    )
    rows = host_rows([Member("a", stale), Member("b", empty), Member("c", fine)], NOW)

    assert {row.url: row.state for row in rows} == dict.fromkeys("abc", "unknown")
    assert {row.reason for row in rows} >= {"no readings yet"}
