"""The web server's connections: their number, idle timeout and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from socket import socket
from typing import Final, cast

from aiohttp import web

from xenwatch.http.sockets import BACKLOG

IDLE: Final = 75.0
"""Max seconds until the first request is complete, and from one request to the next."""
SPARE: Final = 100
"""Connections allowed beyond the max concurrent requests; most of them are idle."""
FULL: Final = b"too many connections; retry later\n"


class Site:
    """An application at `sockets` with at most `most` connections; more are rejected with 503.

    When it stops, active requests have `grace` seconds to complete.
    """

    def __init__(
        self,
        application: web.Application,
        sockets: Sequence[socket],
        most: int,
        grace: float,
        idle: float = IDLE,
    ) -> None:
        # aiohttp waits for the handlers, and then once more for the rest of each request.
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=grace / 2, keepalive_timeout=idle
        )
        self._sockets = sockets
        self._most = most
        self._listening: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._listening = [
            await loop.create_server(lambda: _NewConnection(self), sock=sock, backlog=BACKLOG)
            for sock in self._sockets
        ]

    def protocol(self) -> asyncio.Protocol | None:
        """The HTTP protocol of a new connection; `None` if there are too many."""
        server = self._runner.server
        if server is None or len(server.connections) >= self._most:
            return None
        return server()

    async def stop(self, deadline: float | None) -> None:
        """Stop listening and end active requests, by `deadline` on the loop's clock."""
        for server in self._listening:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._runner.cleanup()


class _NewConnection(asyncio.Protocol):
    """A new connection, handed to the HTTP protocol or rejected if there are too many."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection to a free protocol; without one, reject it."""
        transport = cast(asyncio.Transport, transport)
        protocol = self._site.protocol()
        if protocol is not None:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            return
        head = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
        kind = f"Content-Type: text/plain\r\nContent-Length: {len(FULL)}\r\n\r\n"
        transport.write(f"{head}{kind}".encode() + FULL)
        transport.close()
