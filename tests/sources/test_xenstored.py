"""The client of xenstored against a server that does as it is told."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xenwatch.sources.base import SourceError, XenstoreReply
from xenwatch.sources.wire import XENSTORE_HEADER
from xenwatch.sources.xenstored import REPLY_MAX, XenstoreClient, request_apart

READ = 2
ENOUGH = 30.0
TINY = 0.05

Behaviour = Callable[[socket.socket, bytes], None]
"""What the server does about a request (its header and payload) it has read."""


def frame(request: bytes, payload: bytes, shift: int = 0, length: int | None = None) -> bytes:
    """An answer to a request: `shift` falsifies its request id, `length` its length."""
    kind, number, transaction, _ = XENSTORE_HEADER.unpack(request[: XENSTORE_HEADER.size])
    size = len(payload) if length is None else length
    return XENSTORE_HEADER.pack(kind, number + shift, transaction, size) + payload


def answer(connection: socket.socket, request: bytes) -> None:
    """Answer with the payload that was asked about."""
    connection.sendall(frame(request, b"<" + request[XENSTORE_HEADER.size :] + b">"))


def dribble(connection: socket.socket, request: bytes) -> None:
    """Answer byte by byte."""
    for byte in frame(request, b"slow"):
        connection.sendall(bytes([byte]))


class Server:
    """A xenstored below `root`: connection `n` behaves as `behaviours[n]`, the last for ever."""

    def __init__(self, root: Path, behaviours: list[Behaviour]) -> None:
        path = root / "run/xenstored/socket"
        path.parent.mkdir(parents=True)
        self.connections = 0
        self._behaviours = behaviours
        self._over = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        """End the server and its connections."""
        if not self._over.is_set():
            self._over.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for thread in self._threads:
            thread.join(ENOUGH)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            behaviour = self._behaviours[min(self.connections, len(self._behaviours) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection, behaviour), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, behaviour: Behaviour) -> None:
        with connection:
            while True:
                request = connection.recv(XENSTORE_HEADER.size, socket.MSG_WAITALL)
                if len(request) < XENSTORE_HEADER.size:
                    return
                length = XENSTORE_HEADER.unpack(request)[3]
                behaviour(connection, request + connection.recv(length, socket.MSG_WAITALL))


Start = Callable[..., tuple[Server, XenstoreClient]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a server with these behaviours, and a client of it.

    Both go by the working directory: the path of a socket may not be longer than 107 bytes.
    """
    monkeypatch.chdir(tmp_path)
    started: list[tuple[Server, XenstoreClient]] = []

    def begin(*behaviours: Behaviour, deadline: float = ENOUGH) -> tuple[Server, XenstoreClient]:
        pair = Server(Path(), list(behaviours)), XenstoreClient(".", deadline)
        started.append(pair)
        return pair

    yield begin
    for server, client in started:
        client.close()
        server.stop()


def silent(connection: socket.socket, request: bytes) -> None:
    """Never answer."""


def hang_up(connection: socket.socket, request: bytes) -> None:
    """Close the connection in place of an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def half(connection: socket.socket, request: bytes) -> None:
    """Close the connection in the middle of an answer."""
    connection.sendall(frame(request, b"much more", length=500))
    connection.shutdown(socket.SHUT_RDWR)


def stranger(connection: socket.socket, request: bytes) -> None:
    """Answer another request."""
    connection.sendall(frame(request, b"not yours", shift=7))


def flood(connection: socket.socket, request: bytes) -> None:
    """Announce more than any answer may have."""
    connection.sendall(frame(request, b"", length=REPLY_MAX + 1))


FAULTS = [
    pytest.param(hang_up, "closed the connection", id="hang up"),
    pytest.param(half, "closed the connection", id="half an answer"),
    pytest.param(stranger, "replied to request 8 instead of 1", id="another's answer"),
    pytest.param(flood, "reply of 1048577 bytes exceeds 1048576", id="too large"),
]


def test_a_request_is_answered(start: Start) -> None:
    """The type and payload of the answer come back, and one connection serves many requests."""
    server, client = start(answer)

    assert client.request(READ, b"/a\0") == XenstoreReply(READ, b"</a\0>")
    assert client.request(1, b"/b\0") == XenstoreReply(1, b"</b\0>")
    assert server.connections == 1


def test_an_empty_answer_is_an_answer(start: Start) -> None:
    """An answer without payload ends with its header."""
    _, client = start(lambda connection, request: connection.sendall(frame(request, b"")))

    assert client.request(READ, b"/a\0") == XenstoreReply(READ, b"")


def test_an_answer_may_come_in_pieces(start: Start) -> None:
    """Header and payload are put together from however many packets they come in."""
    _, client = start(dribble)

    assert client.request(READ, b"/a\0").payload == b"slow"


def test_a_round_trip_takes_as_long_as_its_answer(start: Start) -> None:
    """One read is asked, and the seconds until its answer are told."""
    _, client = start(answer)

    assert 0 < client.round_trip() < ENOUGH


def test_a_round_trip_to_a_silent_xenstored_ends_at_the_deadline(start: Start) -> None:
    """A stopped xenstored is told by an error, and the next round trip connects anew."""
    server, client = start(silent, answer, deadline=0.05)

    with pytest.raises(SourceError, match=r"timed out after 0\.05 s"):
        client.round_trip()
    assert client.round_trip() > 0
    assert server.connections == 2


def test_a_large_directory_is_taken(start: Start) -> None:
    """An answer of more than 4 KiB, as oxenstored sends to a socket, comes whole."""
    _, client = start(
        lambda connection, request: connection.sendall(frame(request, b"x" * REPLY_MAX))
    )

    assert len(client.request(1, b"/local/domain\0").payload) == REPLY_MAX


def test_silence_ends_at_the_deadline(start: Start) -> None:
    """A xenstored that never answers costs the deadline, and the error says so."""
    _, client = start(silent, deadline=TINY)
    with pytest.raises(SourceError, match=r"xenstored: timed out after 0\.05 s") as caught:
        client.request(READ, b"/a\0")

    assert not caught.value.missing


def test_after_silence_the_next_request_connects_anew(start: Start) -> None:
    """A late answer to an abandoned request is never taken for that of the next."""
    server, client = start(silent, answer, deadline=TINY)
    with pytest.raises(SourceError, match="timed out"):
        client.request(READ, b"/a\0")
    client._deadline = ENOUGH

    assert client.request(READ, b"/b\0").payload == b"</b\0>"
    assert server.connections == 2


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_fault_is_named_and_the_next_request_connects_anew(
    start: Start, fault: Behaviour, reason: str
) -> None:
    """After a faulty answer the connection is given up and the next one is used."""
    server, client = start(fault, answer)
    with pytest.raises(SourceError, match=reason):
        client.request(READ, b"/a\0")

    assert client.request(READ, b"/b\0").payload == b"</b\0>"
    assert server.connections == 2


def test_threads_share_a_connection(start: Start) -> None:
    """Requests of several threads each get their own answer over one connection."""
    server, client = start(answer)
    asked = [b"/%d\0" % number for number in range(100)]
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda payload: client.request(READ, payload), asked))

    assert [reply.payload for reply in replies] == [b"<" + payload + b">" for payload in asked]
    assert server.connections == 1


def test_a_second_thread_does_not_wait_for_ever(start: Start) -> None:
    """While one thread's request hangs, another's ends at its own deadline."""
    _, client = start(answer, deadline=TINY)
    with client._lock, ThreadPoolExecutor(1) as pool:
        failure = pool.submit(client.request, READ, b"/a\0").exception(ENOUGH)

    assert str(failure) == "xenstored: timed out after 0.05 s"


def test_a_closed_client_connects_again(start: Start) -> None:
    """Closing gives the connection back and no more."""
    server, client = start(answer)
    client.request(READ, b"/a\0")
    client.close()

    assert client.request(READ, b"/b\0").payload == b"</b\0>"
    assert server.connections == 2


def test_no_xenstored_is_missing(tmp_path: Path) -> None:
    """Without socket and device the error names both and says that they are missing."""
    with pytest.raises(SourceError, match="neither /run/xenstored/socket nor /dev/xen/") as caught:
        XenstoreClient(str(tmp_path)).request(READ, b"/a\0")

    assert caught.value.missing


def test_a_socket_nobody_listens_on_is_an_error(start: Start) -> None:
    """A socket left behind by a xenstored that died refuses the connection."""
    server, client = start(answer)
    server.stop()
    with pytest.raises(SourceError, match="xenstored: Connection refused"):
        client.request(READ, b"/a\0")


def test_the_device_is_used_where_there_is_no_socket(tmp_path: Path) -> None:
    """Where xenstored runs in a domain of its own, requests go to the kernel's device."""
    device = tmp_path / "dev/xen/xenbus"
    device.parent.mkdir(parents=True)
    os.mkfifo(device)  # hands back what it is given, so that the request is its own answer
    client = XenstoreClient(str(tmp_path))
    reply = client.request(READ, b"/a\0")
    client.close()

    assert reply == XenstoreReply(READ, b"/a\0")


def test_requests_apart_have_a_connection_of_their_own(start: Start) -> None:
    """All of them go over one connection, not the client's, and it is closed afterwards."""
    server, client = start(answer)
    client.request(READ, b"a\0")

    replies = request_apart([(0, b"x\0"), (0, b"y\0")], ".", ENOUGH)
    assert replies == (XenstoreReply(0, b"<x\0>"), XenstoreReply(0, b"<y\0>"))
    client.request(READ, b"b\0")
    assert server.connections == 2


def test_silence_apart_ends_at_the_deadline_and_closes(start: Start) -> None:
    """A xenstored that drops a request costs no more than the deadline, and no other connection."""
    closed = threading.Event()

    def drop(connection: socket.socket, request: bytes) -> None:
        if connection.recv(1) == b"":
            closed.set()

    _, client = start(answer, drop)
    client.request(READ, b"a\0")

    with pytest.raises(SourceError, match="timed out"):
        request_apart([(25, b"5\0nodes\0")], ".", TINY)
    assert closed.wait(ENOUGH)
    assert client.request(READ, b"b\0") == XenstoreReply(READ, b"<b\0>")


def test_slow_replies_apart_end_at_the_deadline(start: Start) -> None:
    """No request begins after the deadline, however many there are."""
    tick = threading.Event()

    def slow(connection: socket.socket, request: bytes) -> None:
        tick.wait(TINY)
        answer(connection, request)

    start(slow)
    with pytest.raises(SourceError, match=r"of 1000 replies after|timed out"):
        request_apart([(0, b"x\0")] * 1000, ".", 3 * TINY)
