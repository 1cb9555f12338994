"""Asking a daemon: its answer, and everything that may answer in its place."""

from __future__ import annotations

import contextlib
import socket
import threading
from argparse import Namespace
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.cli.support import serving
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.daemon_address import Address, AddressError, configured
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.main import main
from xenwatch.status import host_status

FULL = of(full_snapshot())
BODY = host_status.dumps(FULL).encode()


@contextlib.contextmanager
def server(answer: bytes, *, close: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """A server with one answer, its URL, and what it was asked; it may leave the line open."""
    asked: list[bytes] = []
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(answer)
        if not close:
            done.wait(30)

    with serving(serve) as url:
        try:
            yield url, asked
        finally:
            done.set()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP response."""
    lines = [f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def test_the_answer_is_read() -> None:
    """The daemon's status comes back, its age by the daemon's own clock."""
    date = formatdate(FULL.time + 70, usegmt=True)
    with server(response(BODY, f"Date: {date}")) as (url, asked):
        found = daemon_client.ask(Address(url + "/"))

    assert found.status == FULL
    assert found.age == pytest.approx(70, abs=1)
    assert asked[0].startswith(b"GET /api/v1/overview HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (response(b"<html>"), "not a status document of xenwatch"),
        (response(b"{}"), "not a status document of xenwatch"),
        (response(BODY[:100]), "not a status document of xenwatch"),
        (response(BODY, "Date: tomorrow"), "the answer is not from xenwatch"),
        (response(BODY, f"Date: 1 Jan {10**19} 00:00:00 GMT"), "the answer is not from xenwatch"),
        (b"220 mail.example ESMTP\r\n", "the answer is not from xenwatch"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_another_answer_is_an_error_with_the_next_step(answer: bytes, reason: str) -> None:
    """What is no answer of a daemon is an error with address, reason and what to do."""
    with server(answer) as (url, _), pytest.raises(AskError) as raised:
        daemon_client.ask(Address(url))

    assert str(raised.value).startswith(f"{url}: ")
    assert reason in str(raised.value)
    assert "systemctl status xenwatch" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "credentials", "words"),
    [
        ("503 Service Unavailable", "", "it has no readings yet, or is busy; retry"),
        ("401 Unauthorized", "", "give --user NAME:PASSWORD; root needs none on a Unix socket"),
        ("401 Unauthorized", "alice:x", "user or password is wrong"),
        ("400 Bad Request", "", "if the daemon serves TLS, the URL begins https://"),
    ],
)
def test_a_daemon_that_refuses_is_running(status: str, credentials: str, words: str) -> None:
    """A status of HTTP is told with what to do about it, and not as if nobody had answered."""
    with server(response(b"", status=status)) as (url, _), pytest.raises(AskError) as raised:
        daemon_client.ask(Address(url, credentials=credentials))

    assert str(raised.value).startswith(f"{url}: HTTP status {status}: {words}")
    assert "Is the daemon running" not in str(raised.value)


def test_nobody_there_is_an_error() -> None:
    """A port nobody listens on is a refused connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(AskError, match="Connection refused"):
        daemon_client.ask(Address(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("answer", [b"", response(BODY[:100], f"Content-Length: {len(BODY)}")])
def test_a_server_that_hangs_is_left(answer: bytes) -> None:
    """Without an answer in time there is an error, whatever has come so far."""
    with (
        server(answer, close=False) as (url, _),
        pytest.raises(AskError, match=r"timed out( after 0\.2 s)?\. Is"),
    ):
        daemon_client.ask(Address(url), 0.2)


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a status can be is not read."""
    monkeypatch.setattr(daemon_request, "MOST_BYTES", 1 << 20)
    with server(response(b"[" * (2 << 20))) as (url, _), pytest.raises(AskError, match="1 MiB"):
        daemon_client.ask(Address(url))


def test_proxies_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not asked about this host."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with server(response(BODY)) as (url, _):
        assert daemon_client.ask(Address(url)).status == FULL


@pytest.mark.parametrize(
    ("listens", "url"),
    [
        ("", "http://127.0.0.1:10730"),
        ("'192.0.2.10:10731'", "http://192.0.2.10:10731"),
        ("'dom0.example:10730', ':80'", "http://dom0.example:10730"),
        ("':10731'", "http://127.0.0.1:10731"),
        ("'0.0.0.0:10731'", "http://127.0.0.1:10731"),
        ("'[::]:10731'", "http://[::1]:10731"),
        ("'[2001:db8::1]:10731'", "http://[2001:db8::1]:10731"),
        ("'192.0.2.10:10731', 'unix:/run/a b'", "unix:/run/a b"),
    ],
)
def test_the_daemon_is_asked_where_the_configuration_says(
    listens: str, url: str, tmp_path: Path
) -> None:
    """Without --url it is asked at its first address, by loopback if it listens on all."""
    file = tmp_path / "xenwatch.toml"
    file.write_text(f"[web]\nlisten_addresses = [{listens}]\n" if listens else "")

    assert configured(Namespace(config_file=str(file))) == Address(url)


@pytest.mark.parametrize(
    ("command", "path"), [("check", b"/api/v1/check"), ("top", b"/api/v1/overview")]
)
def test_commands_ask_the_configured_daemon(
    command: str, path: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` and `top` find a daemon of this host that listens elsewhere than by default."""
    file = tmp_path / "xenwatch.toml"
    monkeypatch.setattr(
        "xenwatch.cli.live_terminal.run", lambda feed, *_: int(feed.take().age > 1e9)
    )
    with server(response(BODY)) as (url, asked):
        file.write_text(f"[web]\nlisten_addresses = ['{url.removeprefix('http://')}']\n")
        main([command, f"--config.file={file}"])

    assert asked[0].startswith(b"GET %b " % path)


def test_a_bad_configuration_does_not_keep_from_asking(tmp_path: Path) -> None:
    """A daemon goes on when its file becomes invalid, and is asked; if none answers, both are told.

    The error says how to name another address.
    """
    file = tmp_path / "xenwatch.toml"
    file.write_text("[web]\nlisten_addresses = 7\n")
    found = configured(Namespace(config_file=str(file)))
    url, problem = found.url, found.problem
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(AskError) as raised:
        daemon_client.ask(Address(f"http://127.0.0.1:{port}", problem), 1)

    assert url == "http://127.0.0.1:10730"
    assert f"({file}:2: web.listen_addresses: 7 must be" in str(raised.value)
    assert "Connection refused" in str(raised.value)
    assert "--url URL" in str(raised.value)


def test_a_daemon_that_listens_nowhere_is_not_asked(tmp_path: Path) -> None:
    """With a textfile and no address the error says so, and what can be done instead."""
    file = tmp_path / "xenwatch.toml"
    file.write_text('[textfile]\ndirectory = "/d"\n')
    listens = r"listen nowhere \(web.listen_addresses\).*--source host"
    with pytest.raises(AddressError, match=listens):
        configured(Namespace(config_file=str(file)))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:10730", "http://", ""])
def test_only_http_is_spoken(url: str) -> None:
    """What is no address of HTTP is refused before anything is opened."""
    with pytest.raises(AskError, match="is not a URL such as http"):
        daemon_client.ask(Address(url))
