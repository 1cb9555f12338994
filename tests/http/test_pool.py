"""The page of a pool: hosts side by side, and what a member that does not answer looks like."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from tests.http.test_server import NAMES, Site
from tests.page.test_page import FULL
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.http import answers as answers_module
from xenwatch.http import members as members_module
from xenwatch.http.members import Members, daemons
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.http.status_page import StatusCache
from xenwatch.page import pool
from xenwatch.page.document import Links
from xenwatch.status import host_status
from xenwatch.status.host_status import ShapeRow
from xenwatch.status.pool import HostRow, Hosts, host_row, host_rows, without_answer

NOW = FULL.time
LINKS = Links("/style", "/script", "/icon", {})
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
        site.handlers = Handlers(
            site.publisher, NAMES, 40, Refusals(float), members=daemons(endpoints(url))
        )
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
        (b"x" * 2048, 200, "response too large: more than"),
        (b"[" + b"[]," * 100 + b"[]]", 200, "response too large: too many objects and arrays"),
        (None, 200, "timed out after"),
    ],
)
async def test_what_a_member_does_not_say_is_unknown(
    body: bytes | None, status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never fine, and the reason is told; answers are bounded in size and time."""
    monkeypatch.setattr(answers_module, "MOST_BYTES", 1024)
    monkeypatch.setattr(answers_module, "MOST_PARTS", 50)
    monkeypatch.setattr(answers_module, "DEADLINE", 0.5 if body is None else 60.0)
    async with member(body, status) as url:
        (found,) = await answers(Members(daemons(endpoints(url))))

    assert found.time is None
    assert reason in found.reason
    (row,) = host_rows([found], NOW)
    assert (row.state, row.domains, row.critical) == ("unknown", None, None)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """It is asked for plain, and one that is packed all the same is refused as it is."""
    wanted = []

    async def overview(request: web.Request) -> web.Response:
        wanted.append(request.headers["Accept-Encoding"])
        body = gzip.compress(saying())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    app = web.Application()
    app.router.add_get(host_status.PATH, overview)
    async with TestServer(app) as server:
        (found,) = await answers(Members(daemons(endpoints(str(server.make_url(""))))))

    assert wanted == ["identity"]
    assert found.reason == "response is compressed, which was not requested"


def test_little_is_kept_of_a_long_answer() -> None:
    """Long texts and many shapes are cut; how many shapes are not shown is told."""
    long, shape = "x" * 1_000_000, ShapeRow("y" * 1_000_000, 3, 3, None, ())
    limit = dataclasses.replace(FULL.limits[0], title=long)
    fields = {"hostname": long, "host": long, "version": long, "limits": (limit,)}
    row = host_row("a", dataclasses.replace(FULL, **fields, headroom=(shape,) * 1000))  # type: ignore[arg-type]

    texts = [value for value in dataclasses.astuple(row) if isinstance(value, str)]
    assert max(map(len, [*texts, *(room.shape for room in row.headroom)])) <= 200
    assert len(row.headroom) + row.left_out == 1000
    body = pool.render([row], FULL, LINKS)
    assert len(body) < 50_000
    assert f"and {row.left_out} more".encode() in body


def test_no_text_of_a_member_leaves_its_line() -> None:
    """Whatever a text holds is escaped, and its direction stays its own."""
    text = "<b>\u202e\n\x1b[2J"
    limit = dataclasses.replace(FULL.limits[0], title=text)
    shape = ShapeRow(text, 3, 3, None, ())
    odd = dataclasses.replace(
        FULL, hostname=text, host=text, version=text, limits=(limit,), headroom=(shape,)
    )
    shown = pool.render([host_row("a", odd)], FULL, LINKS).decode()

    assert not {"\u202e", "\x1b"} & set(shown)
    isolated = r"<bdi>[^<]*&lt;b&gt;\\u202e\\n\\x1b\[2J"
    assert len(re.findall(isolated, shown)) == 4  # the name, the title, the shape and the rest


async def test_the_page_is_rendered_once_for_the_same_answers() -> None:
    """Clients share it until there are other answers, or readings."""
    site, others = Site(), Hosts((host_row("a", FULL),))
    async with site.client():
        rendered = StatusCache("here", LINKS).rendered(site.newest.assessment)
        first = await rendered.pool(others)
        assert await rendered.pool(others) is first
        assert b"another" in (await rendered.pool(Hosts((without_answer("another", ""),)))).plain


async def test_a_member_that_is_gone_is_unknown() -> None:
    """A refused connection has its reason."""
    url = f"http://127.0.0.1:{unused_port()}"
    (found,) = await answers(Members(daemons(endpoints(url))))

    assert (found.time, found.url) == (None, url)
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
        found = await answers(Members(daemons(endpoints(one, other))))

    assert [answer.reason for answer in found] == ["no such number", ""]


async def answers(members: Members) -> Sequence[HostRow]:
    """The answers, which are not refused."""
    found = await members.answers()
    assert found is not None
    return found.rows


async def test_members_are_asked_once_for_all_who_look() -> None:
    """Clients at the same time, and those shortly after, get the same answers."""
    asked.clear()
    now = [100.0]
    async with member(saying()) as url:
        members = Members(daemons(endpoints(url)), lambda: now[0])
        await asyncio.gather(*(members.answers() for _ in range(3)))
        assert len(asked) == 1
        await members.answers()
        assert len(asked) == 1
        now[0] += members_module.SHOWN
        await members.answers()
    assert len(asked) == 2


async def test_the_last_answers_are_shown_while_members_are_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for those queried again, and answers are new from when they come."""
    now, leave, begun = [100.0], asyncio.Event(), [0]
    leave.set()

    async def slow(_session: object, endpoint: Endpoint) -> HostRow:
        begun[0] += 1
        await leave.wait()
        now[0] += members_module.FRESH
        return without_answer(endpoint.url, str(begun[0]))

    monkeypatch.setattr(members_module, "_ask", slow)
    members = Members(daemons(endpoints("a")), lambda: now[0])
    first = await answers(members)
    assert await answers(members) is first
    assert begun == [1]

    leave.clear()
    now[0] += members_module.FRESH
    assert await answers(members) is first
    assert await answers(members) is first
    now[0] += members_module.SHOWN
    late = asyncio.ensure_future(answers(members))
    leave.set()
    assert [row.reason for row in await late] == ["2"]


async def test_a_silent_member_leaves_places_to_scrapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many look at the pool, only a few wait, and the others are told at once."""
    leave = asyncio.Event()

    async def silent(_session: object, endpoint: Endpoint) -> HostRow:
        await leave.wait()
        return without_answer(endpoint.url, "")

    monkeypatch.setattr(members_module, "_ask", silent)
    site, most = Site(max_requests=12), members_module.WAITING
    site.handlers = Handlers(
        site.publisher, NAMES, 12, Refusals(float), members=daemons(endpoints("a"))
    )
    async with site.client() as client:
        looks = [asyncio.ensure_future(client.get("/pool")) for _ in range(12)]
        for refused in itertools.islice(asyncio.as_completed(looks), 12 - most):
            response = await refused
            assert response.status == 503
            assert "queried for others" in await response.text()
        async with client.get("/metrics") as answer:
            assert answer.status == 200
        leave.set()
        statuses = sorted([(await look).status for look in looks])
    assert statuses == [200] * most + [503] * (12 - most)


def test_old_readings_are_not_fine() -> None:
    """A host whose readings stand still is unknown, and so is one that has none yet."""
    fine = dataclasses.replace(FULL, limits=(), alerts=())
    stale, empty = (
        dataclasses.replace(FULL, time=time, limits=FULL.limits[:1]) for time in (NOW - 500, 0.0)
    )
    rows = host_rows([host_row("a", stale), host_row("b", empty), host_row("c", fine)], NOW)

    assert {row.url: row.state for row in rows} == dict.fromkeys("abc", "unknown")
    assert {row.reason for row in rows} >= {"no readings yet"}
