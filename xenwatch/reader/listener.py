"""The socket the reader listens on: systemd's, or its own; and who may connect."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, MutableMapping
from typing import Final

from xenwatch.sockets.passed import PassedError, passed_sockets
from xenwatch.sockets.unix import listen_unix, peer
from xenwatch.sources.base import SourceError
from xenwatch.sources.output import require_safe

MODE: Final = 0o600
_INSTEAD: Final = "choose another path with --socket"


@contextlib.contextmanager
def listening(path: str, environment: MutableMapping[str, str]) -> Iterator[socket.socket]:
    """The socket that systemd passes, else one at `path`, for its owner alone.

    That one is removed in the end. Raises `SourceError`.
    """
    try:
        passed = passed_sockets(environment)
    except PassedError as error:
        raise SourceError("cannot listen", str(error)) from error
    if passed:
        with passed[0]:
            yield passed[0]
        return
    # While the second one is open, nobody else's socket is at the path.
    with _own(path) as listener, listener.dup():
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _own(path: str) -> socket.socket:
    directory = os.path.dirname(path) or "."
    try:
        # Whoever may write to it could put their own socket there, and answer the daemon.
        require_safe(os.fsencode(directory), os.stat(directory), _INSTEAD)
        return listen_unix(path, MODE)
    except OSError as error:
        found = SourceError.from_os(path, error)
        reason = f"{found.reason}; {_INSTEAD}"
        raise SourceError(path, reason, found.errno) from error


def is_welcome(listener: socket.socket, connection: socket.socket) -> bool:
    """Whether the other side is root, or the owner of the socket it has connected to."""
    uid = peer(connection)
    if uid == 0:
        return True
    try:
        return bool(os.stat(listener.getsockname()).st_uid == uid)
    except OSError:
        return False
