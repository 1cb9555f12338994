"""The socket on which the daemon asks: systemd makes it, and it belongs to the daemon's user."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

from xenwatch.messages.requests import LONGEST_LINE, dumps_answer

MOST_CONNECTIONS: Final = 4
"""The daemon has two: for messages and for values."""
IDLE: Final = 10.0
"""Seconds in which a connection must have asked, and in which it must take its answer."""

Answers = Callable[[bytes], bytes]


def serve(listener: socket.socket, answers: Answers) -> NoReturn:
    """Answer one line of every connection, each connection in its thread, until interrupted."""
    places = threading.BoundedSemaphore(MOST_CONNECTIONS)
    while True:
        connection, _ = listener.accept()
        if not places.acquire(blocking=False):
            with contextlib.suppress(OSError):
                connection.sendall(dumps_answer("too many connections"))
            connection.close()
            continue
        threading.Thread(
            target=_answer, args=(connection, answers, places.release), daemon=True
        ).start()


def _answer(connection: socket.socket, answers: Answers, ended: Callable[[], None]) -> None:
    try:
        with connection, contextlib.suppress(OSError):
            line = _line(connection, time.monotonic() + IDLE)
            answer = answers(line)
            connection.settimeout(IDLE)
            connection.sendall(answer)
    finally:
        ended()


def _line(connection: socket.socket, until: float) -> bytes:
    """What arrives up to the end of a line, or too much. Raises `OSError` where it takes longer."""
    line = b""
    while b"\n" not in line and len(line) <= LONGEST_LINE:
        # A timeout of 0 would be none.
        connection.settimeout(max(1e-3, until - time.monotonic()))
        chunk = connection.recv(LONGEST_LINE + 1 - len(line))
        if not chunk:
            break
        line += chunk
        if time.monotonic() > until:
            raise TimeoutError
    return line
