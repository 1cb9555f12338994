"""The socket on which the daemon asks: systemd makes it, and it belongs to the daemon's user."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final, NoReturn

from xenwatch.messages.requests import LONGEST_LINE, dumps_answer

MOST_CONNECTIONS: Final = 4
"""The daemon has two: for messages and for values."""
IDLE: Final = 10.0
"""Seconds in which a connection must ask, and take its answer."""

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
            connection.settimeout(IDLE)
            line = connection.makefile("rb").readline(LONGEST_LINE + 1)
            connection.sendall(answers(line))
    finally:
        ended()
