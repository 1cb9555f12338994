"""How long xapi takes to answer over its local socket.

The request is for a page that needs no session and no database access: what is measured is
whether xapi has a thread and the CPU time to answer at all. xapi listens on `/var/lib/xcp/xapi`,
older releases of XenServer on `/var/xapi/xapi`.
"""

from __future__ import annotations

import errno
import time
from typing import Final

from xenwatch.display.text import quoted
from xenwatch.sources import local
from xenwatch.sources.base import ROUND_TRIP_DEADLINE, SourceError

SOCKETS: Final = ("/var/lib/xcp/xapi", "/var/xapi/xapi")
REQUEST: Final = b"GET / HTTP/1.0\r\nHost: localhost\r\nUser-Agent: xenwatch\r\n\r\n"
STATUS_MAX: Final = 12
"""Bytes of `HTTP/1.1 200`."""


def round_trip(rootfs: str = "", deadline: float = ROUND_TRIP_DEADLINE) -> float:
    """Seconds from connecting to the HTTP status, which may be any but a server error.

    Raises `SourceError`, with errno ENOENT where xapi has no socket.
    """
    missing = FileNotFoundError(errno.ENOENT, "")
    for path in SOCKETS:
        started = time.monotonic()
        try:
            status = _ask(rootfs + path, started + deadline)
        except FileNotFoundError as error:
            missing = error
            continue
        except TimeoutError as error:
            raise SourceError("xapi", f"timed out after {deadline:g} s") from error
        except OSError as error:
            raise SourceError.from_os(f"xapi, {path}", error) from error
        if not status.startswith(b"HTTP/1.") or status[9:10] == b"5":
            raise SourceError("xapi", f"request failed: {quoted(status)}")
        return time.monotonic() - started
    raise SourceError.from_os(f"xapi, {SOCKETS[0]}", missing) from missing


def _ask(path: str, until: float) -> bytes:
    """The first bytes of the reply. Raises `TimeoutError` and other `OSError`s."""
    with local.connect(path, until) as client:
        client.settimeout(_left(until))
        client.sendall(REQUEST)
        status = b""
        while len(status) < STATUS_MAX:
            client.settimeout(_left(until))
            chunk = client.recv(STATUS_MAX - len(status))
            if not chunk:
                break
            status += chunk
        return status


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
