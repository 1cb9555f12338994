"""Unix sockets to listen on, and who connects to them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
from typing import Final

BACKLOG: Final = 128
"""Connections that may wait to be accepted."""
_UCRED: Final = struct.Struct("=iII")
"""struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)."""


def listen_unix(path: str, mode: int) -> socket.socket:
    """A listening socket at `path`, which those may open whom `mode` allows it.

    One that a killed process has left there is replaced. Raises `OSError`: `EADDRINUSE` where
    somebody listens, or where anything else is at the path.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        _set_mode(path, mode)  # nobody can connect before listen()
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _set_mode(path: str, mode: int) -> None:
    """Set the mode of a socket, and of nothing that somebody has put in its place since bind()."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)
        # chmod(2) follows links; fchmod(2) refuses a descriptor that is only a path.
        os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def peer(connection: socket.socket) -> int:
    """The user who has opened a connection, as the kernel names them."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(raw)
    return int(uid)


def _remove_stale(path: str) -> None:
    """Remove a socket on which nobody listens; anything else is left for bind() to refuse."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)  # a backlog that is full is a listener too
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
            except BlockingIOError:
                pass
