"""What the web configuration says of requests: users, headers, rate, and who needs no password."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.http.test_passwords import USERS, header
from tests.http.test_server import Site
from xenwatch.http import connections, guard, sockets
from xenwatch.http.passwords import BusyError, Passwords
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import HEADERS
from xenwatch.sockets.unix import peer
from xenwatch.web_config.document import Document, Rate
from xenwatch.web_config.load import WebConfig

ALICE = {"Authorization": header("alice", "alice123")}
PATHS = ("/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/overview", "/nowhere", "/runbooks/a")


@asynccontextmanager
async def client(config: WebConfig) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    """A client of a server so configured."""
    server = TestServer(Site().handlers.application("/metrics", lambda: config))
    async with TestClient(server) as found:
        yield found


def configured(**more: Any) -> WebConfig:
    """A configuration with these parts of the file."""
    return WebConfig(Document(**more))


async def test_every_path_wants_a_user() -> None:
    """Without a user every path is 401 with a challenge, a wrong password too, a right one not."""
    async with client(configured(users=USERS)) as asked:
        for path in PATHS:
            async with asked.get(path) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
                assert await answer.text() == "user and password required\n"
        async with asked.get(
            "/metrics", headers={"Authorization": header("alice", "no")}
        ) as answer:
            assert answer.status == 401
            assert await answer.text() == "wrong user or password\n"
        async with asked.get("/metrics", headers=ALICE) as answer:
            assert answer.status == 200


async def test_headers_are_set_on_every_answer() -> None:
    """Headers of the configuration are on pages and errors, in place of ours; others stay."""
    headers: Mapping[str, str] = {
        "X-Frame-Options": "deny",
        "Content-Security-Policy": "default-src 'self'",
    }
    async with client(configured(headers=headers)) as asked:
        for path in PATHS:
            async with asked.get(path) as answer:
                assert headers.items() <= answer.headers.items()
                assert answer.headers["Referrer-Policy"] == HEADERS["Referrer-Policy"]


async def test_requests_beyond_the_rate_are_refused() -> None:
    """A burst is answered, the next request is 429, before its password is looked at."""
    config = configured(rate=Rate(86400.0, 2), users=USERS)
    async with client(config) as asked:
        statuses = []
        for _ in range(3):
            async with asked.get("/-/healthy", headers=ALICE) as answer:
                statuses.append(answer.status)
        assert answer.headers["Retry-After"] == "1"

    assert statuses == [200, 200, 429]


async def test_too_many_checks_are_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many passwords wait, a client is told to come again."""

    async def busy(*_: object) -> bool:
        raise BusyError

    monkeypatch.setattr(Passwords, "admit", busy)
    async with client(configured(users=USERS)) as asked, asked.get("/", headers=ALICE) as answer:
        assert answer.status == 503
        assert await answer.text() == guard.BUSY


@pytest.mark.parametrize(("uid", "status"), [("root", 200), ("own", 200), ("other", 401)])
async def test_root_needs_no_password_on_a_unix_socket(
    uid: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel says who is there: root and the daemon's user are trusted, others are asked."""
    ours = os.getuid()
    # Who the daemon runs as is pretended; the peer is this process.
    monkeypatch.setattr(guard, "ROOT", ours if uid == "root" else -1)
    monkeypatch.setattr("xenwatch.http.guard.os.geteuid", lambda: ours if uid == "own" else -2)
    path = tmp_path / "s"
    config = configured(users=USERS, rate=Rate(86400.0, 1))
    application = Site().handlers.application("/metrics", lambda: config)
    bound = sockets.bind([f"unix:{path}"])
    site = connections.Site(
        application, bound, 10, 0.1, refusals=Refusals(float), current=lambda: config
    )
    await site.start()
    try:
        connector = aiohttp.UnixConnector(str(path))
        async with (
            aiohttp.ClientSession(connector=connector) as asked,
            asked.get("http://localhost/-/healthy") as answer,
        ):
            assert answer.status == status
    finally:
        await site.stop(None)


def test_the_peer_is_read_as_the_kernel_gives_it() -> None:
    """The credentials of a Unix socket are process, user and group."""
    one, other = socket.socketpair()
    with one, other:
        assert peer(one) == os.geteuid()
