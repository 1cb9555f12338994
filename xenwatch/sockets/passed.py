"""Sockets that systemd passes to a service when it starts it (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

FIRST_DESCRIPTOR: Final = 3
"""The first descriptor systemd passes."""


def passed_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets passed to this process, none where there are none; forgets them there."""
    for_us = environment.pop("LISTEN_PID", "") == str(os.getpid())
    number = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    count = int(number) if for_us and number.isdecimal() else 0
    sockets = []
    for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + count):
        os.set_inheritable(descriptor, False)
        sockets.append(socket.socket(fileno=descriptor))
    return sockets
