"""TLS handshakes of new connections: each with the newest context, bounded in time."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import structlog

from xenwatch.http.refusals import IDLE, MALFORMED, Refusals

SHUTDOWN: Final = 1.0
"""Max seconds to wait for a client's own end of TLS."""
_TEXT: Final = b"the client sent plain HTTP, and this port is HTTPS: use https://\n"
NOT_TLS: Final = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + _TEXT
)
"""What a client hears that does not speak TLS."""
_ALERT: Final = b"\x15\x03\x03\x00\x02\x02"
"""A fatal alert before anything is encrypted, but for its number (RFC 8446, 6)."""
LAST_WORDS: Final = {
    "HTTP_REQUEST": NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _ALERT + b"\x46",  # protocol_version
    "NO_SHARED_CIPHER": _ALERT + b"\x28",  # handshake_failure
}
"""What a client hears by OpenSSL's reason: asyncio drops the alert that OpenSSL has written."""

_log = structlog.get_logger()


class Handshakes:
    """Connections that have not finished their handshake; each is passed to `done` once it has.

    One that takes longer than `deadline` seconds is ended. `refusals` counts those that fail.
    """

    def __init__(
        self, done: Callable[[asyncio.Transport], bool], deadline: float, refusals: Refusals
    ) -> None:
        self._done = done
        self._deadline = deadline
        self._refusals = refusals
        self._tasks: dict[asyncio.Task[None], None] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(
        self, plain: asyncio.Transport, context: ssl.SSLContext, sans: frozenset[str]
    ) -> None:
        """Begin the handshake of a new connection from which nothing was read."""
        task = asyncio.get_running_loop().create_task(self._shake(plain, context, sans))
        self._tasks[task] = None
        task.add_done_callback(lambda _: self._tasks.pop(task, None))

    def end_oldest(self) -> bool:
        """End the one that has lasted longest; whether there was one."""
        task = next(iter(self._tasks), None)
        if task is None:
            return False
        del self._tasks[task]
        task.cancel()
        self._refusals.add(IDLE)
        return True

    def cancel(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()

    async def _shake(
        self, plain: asyncio.Transport, context: ssl.SSLContext, sans: frozenset[str]
    ) -> None:
        """A transport of asyncio cannot change to TLS without losing what came in between.

        So the descriptor is copied for one that begins with TLS, and the plain one is dropped.
        """
        plain.pause_reading()  # not before: Python before 3.11.4 then begins to read regardless
        peer = plain.get_extra_info("peername")
        try:
            copy = socket.socket(fileno=os.dup(plain.get_extra_info("socket").fileno()))
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Secured(self._done, sans, peer),
                copy,
                ssl=context,
                ssl_handshake_timeout=self._deadline,
                ssl_shutdown_timeout=SHUTDOWN,
            )
        except ssl.SSLError as error:
            self._refusals.add(MALFORMED, peer, str(error))
            words = LAST_WORDS.get(error.reason or "")
            if words is not None:
                plain.write(words)
                plain.close()
        except OSError as error:
            self._refusals.add(MALFORMED, peer, str(error))
        finally:
            if not plain.is_closing():
                plain.abort()


class _Secured(asyncio.Protocol):
    """A connection whose handshake is done, before anything was read from it."""

    def __init__(
        self, done: Callable[[asyncio.Transport], bool], sans: frozenset[str], peer: object
    ) -> None:
        self._done = done
        self._sans = sans
        self._peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on, unless the client's certificate has another name."""
        transport = cast(asyncio.Transport, transport)
        certificate = transport.get_extra_info("peercert")
        names = alternative_names(certificate) if certificate else None
        if self._sans and names is not None and not names & self._sans:
            _log.debug(
                "client certificate rejected: none of its names is in client_allowed_sans",
                peer=str(self._peer),
                names=sorted(names),
            )
            transport.abort()
        elif not self._done(transport):
            transport.abort()


def alternative_names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The DNS names, addresses, mail addresses and URIs of a certificate, as Go writes them."""
    return frozenset(
        str(ipaddress.ip_address(value.strip())) if kind == "IP Address" else value
        for kind, value in certificate.get("subjectAltName", ())
        if kind in ("DNS", "email", "URI", "IP Address")
    )
