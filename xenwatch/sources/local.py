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
_MICRO: Final = 1_000_000


def timeval(seconds: float) -> bytes:
    """So many seconds for SO_SNDTIMEO and SO_RCVTIMEO, at least a microsecond: 0 is forever."""
    return _TIMEVAL.pack(*divmod(max(1, int(seconds * _MICRO)), _MICRO))


def connect(path: str, until: float) -> socket.socket:
    """Connect to a Unix socket, waiting for a place in its backlog until `until` (monotonic).

    A socket with a Python timeout is non-blocking, and Linux rejects such a connection at once when
    the backlog is full: here the kernel waits (unix_stream_connect in
    net/unix/af_unix.c, SO_SNDTIMEO of socket(7)). Raises `TimeoutError` and other `OSError`s.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        left = timeval(until - time.monotonic())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, left)
        try:
            client.connect(path)
        except BlockingIOError:
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
    except OSError:
        client.close()
        raise
    return client
