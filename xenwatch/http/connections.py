"""The web server's connections: their number, TLS, idle timeout and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from xenwatch.http.handshakes import Handshakes
from xenwatch.sockets.unix import BACKLOG
from xenwatch.web_config.load import PLAIN, WebConfig

IDLE: Final = 75.0
"""Max seconds until the first request is complete, and from one request to the next."""
SPARE: Final = 100
"""Connections allowed beyond the max concurrent requests; most of them are idle."""
FULL: Final = b"too many connections; retry later\n"
_REASON_MAX: Final = 200
_MALFORMED: Final = (HttpProcessingError, RequestPayloadError)

_log = structlog.get_logger()
_library = logging.getLogger("xenwatch.http")


class Site:
    """An application at `sockets` with at most `most` connections; more are rejected with 503.

    When it stops, active requests have `grace` seconds to complete. `current` says how connections
    are served; with TLS, one too many is closed, and a Unix socket has none.
    """

    def __init__(
        self,
        application: web.Application,
        sockets: Sequence[socket.socket],
        most: int,
        grace: float,
        *,
        idle: float = IDLE,
        current: Callable[[], WebConfig] = lambda: PLAIN,
    ) -> None:
        # aiohttp waits for the handlers, and then once more for the rest of each request.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_library,
            shutdown_timeout=grace / 2,
            keepalive_timeout=idle,
        )
        self._sockets = sockets
        self._most = most
        self._current = current
        self._handshakes = Handshakes(self.hand_over, idle)
        self._listening: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._listening = [
            await loop.create_server(lambda: _NewConnection(self), sock=sock, backlog=BACKLOG)
            for sock in self._sockets
        ]

    def accept(self, transport: asyncio.Transport) -> None:
        """Serve a new connection; if there are too many, reject it."""
        config = self._current()
        family = transport.get_extra_info("socket").family
        if config.context is None or family == socket.AF_UNIX:
            if not self._free() or not self.hand_over(transport):
                _reject(transport)
        elif self._free():
            self._handshakes.begin(transport, config.context, config.sans)
        else:
            transport.abort()

    def hand_over(self, transport: asyncio.Transport) -> bool:
        """Give a connection to a protocol of HTTP; whether there was one."""
        if self._runner.server is None:
            return False
        protocol = self._runner.server()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return True

    async def stop(self, deadline: float | None) -> None:
        """Stop listening and end active requests, by `deadline` on the loop's clock."""
        for server in self._listening:
            server.close()
        self._handshakes.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._runner.cleanup()

    def _free(self) -> bool:
        """Whether there may be another connection; those in a handshake count."""
        server = self._runner.server
        used = len(self._handshakes) + (0 if server is None else len(server.connections))
        return used < self._most


class _NewConnection(asyncio.Protocol):
    """A new connection, before anything was read from it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._site.accept(cast(asyncio.Transport, transport))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line of aiohttp is about the daemon, not about what a client has sent.

    Any client could fill the log with the latter, which comes before any password, as an error with
    a traceback: it is logged as other failures of clients are.
    """
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, _MALFORMED):
        return True
    peer = record.args[0] if isinstance(record.args, tuple) and record.args else ""
    _log.debug(
        "malformed request", peer=str(peer), reason=" ".join(str(error).split())[:_REASON_MAX]
    )
    return False


_library.addFilter(_is_ours)


def _reject(transport: asyncio.Transport) -> None:
    head = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    kind = f"Content-Type: text/plain\r\nContent-Length: {len(FULL)}\r\n\r\n"
    transport.write(f"{head}{kind}".encode() + FULL)
    transport.close()
