"""Notifications to systemd: ready, reloading, stopping, watchdog (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Mapping


def notify(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send lines such as `READY=1` to the service manager, if there is one.

    Never blocks and never fails: the daemon must run without a listener.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.setblocking(False)
        sock.sendto(message.encode(), address)


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often to send `WATCHDOG=1`: half of what systemd waits, `None` when it does not.

    Protocol: sd_watchdog_enabled(3).
    """
    microseconds = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not re.fullmatch(r"0*[1-9][0-9]{,18}", microseconds, re.ASCII):
        return None
    return int(microseconds) / 2e6
