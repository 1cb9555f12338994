"""The socket of the helper, and the command as systemd starts it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenwatch.messages import requests, server
from xenwatch.messages.requests import LONGEST_LINE, Message, Post

MESSAGE = Message("XenwatchZombieDomain", 3, "a zombie")
UNDER_SYSTEMD = (
    "import os, sys\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
    "os.dup2(int(sys.argv[1]), 3)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'xenwatch', 'messages'])\n"
)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        yield listening


def asked(listening: socket.socket, sent: bytes) -> bytes:
    """The answer to what is sent on a connection of its own."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listening.getsockname())
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


@pytest.fixture
def served(listener: socket.socket) -> Iterator[socket.socket]:
    """A socket that is answered with what was asked, in capitals."""

    def serve() -> None:
        try:
            server.serve(listener, bytes.upper)
        except OSError:  # shut down
            return

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_each_connection_is_answered(served: socket.socket) -> None:
    """One line is answered with one line, however many connections there are in turn."""
    for number in range(3 * server.MOST_CONNECTIONS):
        assert asked(served, b"line %d\n" % number) == b"LINE %d\n" % number


def test_no_more_is_read_than_a_line_may_have(served: socket.socket) -> None:
    """Of a line without an end only the bound and one byte are read, and it is refused."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(served.getsockname())
        client.sendall(b"x" * (LONGEST_LINE + 1))
        answer = client.makefile("rb").read()

    assert answer == b"X" * (LONGEST_LINE + 1)
    with pytest.raises(requests.RequestError, match="at most"):
        requests.loads(answer)


def test_a_line_that_takes_too_long_frees_its_place(
    served: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends a byte now and then is cut off at a time, however often it sends."""
    monkeypatch.setattr(server, "IDLE", 0.5)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(served.getsockname())
        client.settimeout(0.05)
        answer = None
        for _ in range(200):
            with contextlib.suppress(TimeoutError, BrokenPipeError):
                client.sendall(b"x")
                answer = client.recv(1)
                break

    assert answer == b""


def test_connections_beyond_the_bound_are_refused(listener: socket.socket) -> None:
    """While as many as may be are being answered, a further one is told so at once."""
    inside = threading.Semaphore(0)
    go = threading.Event()

    def answers(line: bytes) -> bytes:
        inside.release()
        go.wait()
        return line

    def serve() -> None:
        try:
            server.serve(listener, answers)
        except OSError:  # shut down
            return

    thread = threading.Thread(target=serve)
    thread.start()
    clients = [
        threading.Thread(target=asked, args=(listener, b"x\n"))
        for _ in range(server.MOST_CONNECTIONS)
    ]
    for each in clients:
        each.start()
    for _ in clients:
        inside.acquire()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.getsockname())
        refused = client.makefile("rb").readline()
    go.set()
    for each in clients:
        each.join()
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()

    assert requests.loads_answer(refused) == "too many connections"


def test_the_command_answers_on_the_socket_of_systemd(listener: socket.socket) -> None:
    """Started as by systemd it answers, and ends at once with status 0 at SIGTERM."""
    number = os.dup(listener.fileno())
    process = subprocess.Popen(
        [sys.executable, "-c", UNDER_SYSTEMD, str(number)], pass_fds=(number,)
    )
    os.close(number)
    try:
        refused = asked(listener, b"{}\n")
        posted = asked(listener, requests.dumps(Post(MESSAGE)))
    finally:
        process.terminate()
        status = process.wait()

    assert requests.loads_answer(refused) == "cannot be asked: None"
    # This is no host of xapi.
    assert "/etc/xensource-inventory" in requests.loads_answer(posted)
    assert status == 0


def test_the_command_needs_the_socket_of_systemd() -> None:
    """By hand there is nothing to answer on: status 2, with the command that starts it."""
    environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", "messages"],
        env=environment,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"systemctl start xenwatch-messages.socket" in done.stderr
