"""`http.client`, bounded, and without TLS, whose libraries are 6 MiB: who asks https imports `ssl`.

A check is run every minute on every host, and asks a Unix socket or plain HTTP on most. What the
standard library has for https is then not there: no module may use it beside this one.
"""

from __future__ import annotations

import io
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

modules: dict[str, Any] = sys.modules
if "http.client" not in modules and "ssl" not in modules:
    modules["ssl"] = None  # an import of it fails, which http.client provides for
    try:
        from http.client import HTTPConnection, HTTPException, HTTPResponse
    finally:
        del modules["ssl"]
else:
    from http.client import HTTPConnection, HTTPException, HTTPResponse

__all__ = ["HTTPConnection", "HTTPException", "TooLargeError", "answered"]


class TooLargeError(Exception):
    """An answer that is not read or decoded; the text says that it is too large, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"response too large: {reason}")


def answered(
    connection: HTTPConnection, path: str, headers: Mapping[str, str], seconds: float, most: int
) -> tuple[HTTPResponse, bytes]:
    """The response to GET and its body, of at most so many bytes with its head.

    Raises `TooLargeError`, `TimeoutError` after so many seconds, `OSError`, `HTTPException`, and
    `ValueError` for what is no HTTP.
    """
    until = time.monotonic() + seconds
    connection.request("GET", path, headers=headers)
    with HTTPResponse(connection.sock, method="GET") as response:
        bounded = _Bounded(connection.sock, response.fp.detach(), until, most)
        response.fp = io.BufferedReader(bounded)
        response.begin()
        return response, response.read(most)  # all of it: the head counts too


class _Bounded(io.RawIOBase):
    """What a server sends, up to a time by the monotonic clock and to so many bytes.

    `http.client` itself reads without end what a server calls a chunk, a trailer or an interim
    response, and its timeout is that of each piece: a thread that nobody waits for any more would
    never end. Raises `TooLargeError` and `TimeoutError`.
    """

    def __init__(self, connected: socket.socket, raw: io.RawIOBase, until: float, most: int):
        self._socket = connected
        self._raw = raw
        self._until = until
        self._most = self._left = most

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Some of it, as of any stream."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._socket.settimeout(seconds)
        found = self._raw.readinto(buffer)
        self._left -= found or 0
        if self._left < 0:
            raise TooLargeError(f"more than {self._most >> 20} MiB")
        return found

    def close(self) -> None:
        """Close the socket, if nothing else uses it."""
        self._raw.close()
        super().close()
