"""Which responses of a receiver count as delivered, and what is said of the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.delivery.support import server
from xenwatch.config import alert_keys
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.receivers import Alertmanager, DeliveryError, Webhook, http_session

TOKEN = "T0123/s3cr%74"


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
async def test_what_is_not_accepted_is_not_delivered(status: int) -> None:
    """Any status but 2xx is a failed delivery, and a redirection is not followed."""
    async with server() as receiver, http_session() as session:
        receiver.status = status
        with pytest.raises(DeliveryError, match=f"rejected with HTTP status {status}: no"):
            await Webhook(session, Endpoint(receiver.url + "/hook")).deliver([])

    assert receiver.paths == ["/hook"]


@pytest.mark.parametrize("status", [200, 201, 202, 299])
async def test_every_2xx_is_accepted(status: int) -> None:
    """A receiver may accept alerts with any status of success."""
    async with server() as receiver, http_session() as session:
        receiver.status = status
        await Webhook(session, Endpoint(receiver.url)).deliver([])

    assert receiver.paths == ["/"]


async def answered(port: int, answer: bytes, path: str) -> str:
    """Why a delivery fails to a webhook at a port, which answers these bytes unless it is 0."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = port or listening.sockets[0].getsockname()[1]
    async with listening, http_session() as session:
        hook = Webhook(session, Endpoint(f"http://user:passw0rd@127.0.0.1:{port}{path}"))
        assert hook.name == f"http://127.0.0.1:{port}/***"
        with pytest.raises(DeliveryError) as caught:
            await hook.deliver([])
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("port", "answer", "reason"),
    [
        (0, b"no HTTP at all\r\n\r\n", "400"),
        (0, b"HTTP/1.1 404 X\r\n\r\nCannot POST /hooks/T0123/s3cr%74?key=k3yk3y", "Cannot POST"),
        (0, b"HTTP/1.1 404 X\r\n\r\nno route for /hooks/T0123/s3crt, k3yk3y", "no route for"),
        (1, b"", "Cannot connect to host 127.0.0.1:1"),
    ],
)
async def test_no_failure_tells_the_url(port: int, answer: bytes, reason: str) -> None:
    """Whatever fails, and whatever the server answers, path, query and password are not told."""
    why = await answered(port, answer, f"/hooks/{TOKEN}?key=k3yk3y")
    assert reason in why
    for secret in ("T0123", "s3cr", "k3yk3y", "passw0rd"):
        assert secret not in why


async def test_a_secret_is_read_at_each_use(tmp_path: Path) -> None:
    """URL and password of a webhook are those its files hold by then, without their newline."""
    url, password = tmp_path / "url", tmp_path / "password"
    key = alert_keys.WEBHOOK_PASSWORD
    async with server() as receiver, http_session() as session:
        hook = Webhook(session, Endpoint("", str(url), "al\u00e9x", (key, str(password))))
        assert hook.name == "webhook"
        for number, end in enumerate(("", "\n", "\r\n")):
            url.write_bytes(f"{receiver.url}/{number}{end}".encode())
            password.write_bytes(f"p\u00e9:{number}{end}".encode())
            await hook.deliver([])

    assert receiver.paths == ["/0", "/1", "/2"]
    assert receiver.users == [("al\u00e9x", f"p\u00e9:{number}") for number in range(3)]


async def test_alertmanagers_are_asked_with_the_password(tmp_path: Path) -> None:
    """The password of the file goes to the Alertmanager, below the path of its URL."""
    (tmp_path / "password").write_text("p\n")
    password = alert_keys.ALERTMANAGER_PASSWORD, str(tmp_path / "password")
    async with server() as receiver, http_session() as session:
        endpoint = Endpoint(f"{receiver.url}/am/", user="u", password=password)
        await Alertmanager(session, endpoint).deliver([])

    assert receiver.paths == ["/am/api/v2/alerts"]
    assert receiver.users == [("u", "p")]


async def test_a_bearer_token_is_read_at_each_use(tmp_path: Path) -> None:
    """The token goes to the receiver; one that is refused, or is none, is told by nobody."""
    file = tmp_path / "token"
    token = alert_keys.ALERTMANAGER_TOKEN, str(file)
    async with server() as receiver, http_session() as session:
        endpoint = Endpoint(f"http://u:p@{receiver.url.removeprefix('http://')}", token=token)
        for text in ("s3cret.a-b==\n", "s3cret/2"):
            file.write_text(text)
            await Alertmanager(session, endpoint).deliver([])
        file.write_text("s3cret s3cret")
        with pytest.raises(DeliveryError, match="holds no bearer token; write") as caught:
            await Alertmanager(session, endpoint).deliver([])
    assert receiver.tokens == ["s3cret.a-b==", "s3cret/2"]
    assert receiver.users == []
    assert "s3cret" not in str(caught.value)


async def test_a_token_that_a_server_repeats_is_not_told(tmp_path: Path) -> None:
    """The reason of a delivery that is rejected is without the token."""
    (tmp_path / "token").write_text("s3cret-token")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 X\r\n\r\nno such token: s3cret-token")
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    token = alert_keys.WEBHOOK_TOKEN, str(tmp_path / "token")
    async with listening, http_session() as session:
        with pytest.raises(DeliveryError, match=r"403: no such token: \*\*\*$"):
            await Webhook(session, Endpoint(url, token=token)).deliver([])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"\n", "is empty; write the secret into it"),
        (b"\xff", "must be UTF-8 text"),
        (b"s3cret", "must be a URL such as"),
        (b"https://a/s3cret\n\n", "must be a URL such as"),
        (b"x" * 70000, "must not be larger than 65536 bytes"),
    ],
)
async def test_a_secret_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """The reason of the failure names key and file, and nothing of the content."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    async with http_session() as session:
        with pytest.raises(DeliveryError, match=f"^webhook.url_file: {file}: {reason}") as caught:
            await Webhook(session, Endpoint("", str(file))).deliver([])
    assert "s3cret" not in str(caught.value)
