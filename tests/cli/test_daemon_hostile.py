"""What a daemon may say to a command that asks it: bounded in size, time, and what JSON takes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.cli.support import serving
from tests.cli.test_daemon_client import BODY, FULL, response, server
from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.daemon_address import Address
from xenwatch.cli.daemon_request import AskError

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


@contextlib.contextmanager
def endless(head: bytes, piece: bytes) -> Iterator[tuple[str, threading.Event]]:
    """A server that sends a piece every few milliseconds; its URL, and whether its client left."""
    done, left = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.sendall(head)
            while not done.wait(0.005):
                connection.sendall(piece)
        except OSError:
            left.set()

    with serving(serve) as url:
        try:
            yield url, left
        finally:
            done.set()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (CHUNKED + b"-1\r\n", b"x"),
        (CHUNKED + b"7fffffffffffff\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"0\r\n", b"A: b\r\n"),
        (b"", INTERIM),
        (HEAD + b"Content-Length: 99999999999999\r\n\r\n", b"x"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["chunk -1", "large chunk", "chunks", "trailer", "interim", "length", "no length"],
)
def test_an_answer_is_bounded_however_it_is_framed(
    head: bytes, piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks, trailers and interim responses without end are cut as soon as they are too large."""
    monkeypatch.setattr(daemon_request, "MOST_BYTES", 1 << 16)
    answer = head + piece * ((1 << 18) // len(piece))
    with server(answer, close=False) as (url, _), pytest.raises(AskError, match="too large: more"):
        daemon_client.ask(Address(url), 5)


def test_an_answer_in_chunks_is_read() -> None:
    """Proxies send them, with trailers and after an interim response."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:]))
    with server(INTERIM + CHUNKED + chunks + b"0\r\nA: b\r\n\r\n") as (url, _):
        assert daemon_client.ask(Address(url)).status == FULL


@pytest.mark.parametrize(
    ("head", "piece"),
    [(HEAD + b"\r\n", b" "), (HEAD, b"A"), (CHUNKED, b"1\r\n \r\n"), (b"", INTERIM)],
    ids=["body", "header", "chunks", "interim"],
)
def test_a_request_that_timed_out_leaves_no_thread(head: bytes, piece: bytes) -> None:
    """Nor a descriptor, though the server goes on: `top` asks again and again."""
    with endless(head, piece) as (url, left):
        with pytest.raises(AskError, match=r"timed out after 0\.2 s"):
            daemon_client.ask(Address(url), 0.2)
        asking = [each for each in threading.enumerate() if each.name == "ask"]
        for each in asking:
            each.join(5)
        assert [each for each in asking if each.is_alive()] == []
        assert left.wait(5)


@pytest.mark.parametrize("value", [b"[]", b"{}", b'""', b"0"])
def test_small_json_of_many_values_is_not_decoded(
    value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value takes up to thirty times its JSON in memory: they are counted before."""
    monkeypatch.setattr(daemon_request, "MOST_VALUES", 100)
    with (
        server(response(b"[" + b",".join([value] * 101) + b"]")) as (url, _),
        pytest.raises(AskError, match="response too large: too many values"),
    ):
        daemon_client.ask(Address(url))
