"""Sockets that systemd passes to a service when it starts it (sd_listen_fds(3))."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping
from typing import Final

FIRST_DESCRIPTOR: Final = 3
"""The first descriptor systemd passes."""


class PassedError(Exception):
    """What systemd has passed is no socket to listen on, and what to do about it."""


def passed_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets passed to this process, none where there are none; forgets them there.

    Raises `PassedError`.
    """
    for_us = environment.pop("LISTEN_PID", "") == str(os.getpid())
    number = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    count = int(number) if for_us and number.isdecimal() else 0
    return [_listening(FIRST_DESCRIPTOR + number) for number in range(count)]


def _listening(descriptor: int) -> socket.socket:
    """The socket of a descriptor, on which connections can be accepted."""
    with contextlib.suppress(OSError):
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return sock
        sock.close()
    raise PassedError(
        f"systemd passed descriptor {descriptor}, which is not a listening socket; the socket unit "
        "must have ListenStream= alone, without Accept=yes"
    )
