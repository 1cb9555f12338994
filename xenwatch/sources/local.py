"""Connecting to a daemon's Unix socket in bounded time."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import Final

_TIMEVAL: Final = struct.Struct("@ll")
"""struct timeval: seconds and microseconds."""


def connect(path: str, until: float) -> socket.socket:
    """A blocking connection to a Unix socket, which waits for a place until `until` (monotonic).

    A socket that Python gives a timeout does not block, and such a one Linux refuses at once where
    too many wait to be accepted already: here the kernel waits (unix_stream_connect in
    net/unix/af_unix.c, SO_SNDTIMEO of socket(7)). Raises `TimeoutError` and other `OSError`s.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        left = max(1, int((until - time.monotonic()) * 1e6))
        timeout = _TIMEVAL.pack(*divmod(left, 1_000_000))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        try:
            client.connect(path)
        except BlockingIOError:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
    except OSError:
        client.close()
        raise
    return client
