"""The socket the reader listens on: systemd's, or its own; and who may connect."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
from collections.abc import MutableMapping
from typing import Final

from xenwatch.sources.base import SourceError
from xenwatch.systemd.sockets import passed_sockets

BACKLOG: Final = 128
MODE: Final = 0o600
_UCRED: Final = struct.Struct("=iII")
"""struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)."""


def listen(path: str, environment: MutableMapping[str, str]) -> socket.socket:
    """The socket that systemd passes, else one at `path`, for its owner alone.

    Raises `SourceError` where another reader listens there, and `OSError`.
    """
    passed = passed_sockets(environment)
    if passed:
        return passed[0]
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~MODE)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _remove_stale(path: str) -> None:
    """Remove a socket on which nobody listens any more."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise SourceError(path, os.strerror(errno.EEXIST), errno.EEXIST)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
                return
            except BlockingIOError:
                pass
        raise SourceError(path, "another reader listens on it", errno.EADDRINUSE)


def is_welcome(listener: socket.socket, connection: socket.socket) -> bool:
    """Whether the other side is root, or the owner of the socket it has connected to."""
    size = _UCRED.size
    _, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if uid == 0:
        return True
    try:
        return bool(os.stat(listener.getsockname()).st_uid == uid)
    except OSError:
        return False
