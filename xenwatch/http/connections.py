"""The web server's connections: their number, TLS, idle timeout and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import resource
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from xenwatch.http.entrance import GRACE, Entrance, reject
from xenwatch.http.handshakes import Handshakes
from xenwatch.http.refusals import BUSY, MALFORMED, Refusals
from xenwatch.http.refusals import IDLE as REFUSED_IDLE
from xenwatch.web_config.load import PLAIN, WebConfig

IDLE: Final = 75.0
"""Max seconds until the first request is complete, and from one request to the next."""
SPARE: Final = 100
"""Connections that have said something, beyond the max concurrent requests."""
SILENT: Final = 1000
"""Connections that have said nothing; each is a descriptor and no more."""
_MALFORMED: Final = (HttpProcessingError, RequestPayloadError)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_library = logging.getLogger("xenwatch.http")


class Site:
    """An application at `sockets` with at most `most` connections that have said something.

    One too many has the longest-idle one closed, and is rejected with 503 where there is none.
    When it stops, active requests have `grace` seconds to complete. `current` says how connections
    are served; a Unix socket has no TLS. `refusals` counts what is not served.
    """

    def __init__(
        self,
        application: web.Application,
        sockets: Sequence[socket.socket],
        most: int,
        grace: float,
        *,
        refusals: Refusals,
        idle: float = IDLE,
        silent: int = SILENT,
        current: Callable[[], WebConfig] = lambda: PLAIN,
    ) -> None:
        # A partial, as a method cannot be marked as a middleware.
        application.middlewares.insert(0, web.middleware(functools.partial(self._active)))
        # aiohttp waits for the handlers, and then once more for the rest of each request.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_library,
            shutdown_timeout=grace / 2,
            keepalive_timeout=idle,
            # No request has a body that is wanted: a small one could become gigabytes.
            auto_decompress=False,
        )
        self._most = most
        self._refusals = refusals
        self._current = current
        self._handshakes = Handshakes(self.hand_over, idle, refusals)
        self._idle: dict[asyncio.Transport, float] = {}
        self._coming: set[asyncio.Task[object]] = set()
        # Files, threads and the reader need descriptors too.
        silent = min(silent, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._entrance = Entrance(
            *(sockets, silent, idle),
            spoke=self._take,
            free=lambda: self._close_idle(GRACE),
            refusals=refusals,
        )

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        _library.addFilter(self._is_ours)
        self._entrance.open()

    def _take(self, sock: socket.socket) -> None:
        """Serve a connection whose client has said something, if need be for an idle one."""
        if not self._has_place() and not self._close_idle():
            self._refusals.add(BUSY)
            reject(sock, plain=not self._needs_tls(sock.family))
            return
        loop = asyncio.get_running_loop()
        coming = loop.create_task(loop.connect_accepted_socket(lambda: _NewConnection(self), sock))
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)

    def accept(self, transport: asyncio.Transport) -> None:
        """Serve a new connection, from which nothing was read."""
        config = self._current()
        if config.context is not None and self._needs_tls(
            transport.get_extra_info("socket").family
        ):
            self._handshakes.begin(transport, config.context, config.sans)
        elif not self.hand_over(transport):
            transport.abort()

    def _needs_tls(self, family: int) -> bool:
        return self._current().context is not None and family != socket.AF_UNIX

    def hand_over(self, transport: asyncio.Transport) -> bool:
        """Give a connection to a protocol of HTTP; whether there was one."""
        if self._runner.server is None:
            return False
        protocol = self._runner.server()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._note_idle(transport)
        if len(self._idle) > 2 * self._most:
            self._idle = {
                each: since for each, since in self._idle.items() if not each.is_closing()
            }
        return True

    async def _active(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Handle a request, whose connection is not idle for so long."""
        transport = request.transport
        if transport is not None:
            self._idle.pop(transport, None)
        try:
            return await handler(request)
        finally:
            if transport is not None:
                self._note_idle(transport)

    def _note_idle(self, transport: asyncio.Transport) -> None:
        self._idle[transport] = asyncio.get_running_loop().time()

    def _has_place(self) -> bool:
        """Whether there may be another connection; those that come in, or shake hands, count."""
        server = self._runner.server
        used = 0 if server is None else len(server.connections)
        return used + len(self._handshakes) + len(self._coming) < self._most

    def _close_idle(self, seconds: float = 0.0) -> bool:
        """Close the longest-idle connection, or end the oldest handshake; whether there was one.

        It has been idle for so many seconds.
        """
        latest = asyncio.get_running_loop().time() - seconds
        while self._idle:
            transport, since = next(iter(self._idle.items()))
            if since > latest:
                return False
            del self._idle[transport]
            if not transport.is_closing():
                self._refusals.add(REFUSED_IDLE, transport.get_extra_info("peername"))
                transport.abort()
                return True
        return self._handshakes.end_oldest()

    async def stop(self, deadline: float | None) -> None:
        """Stop listening and end active requests, by `deadline` on the loop's clock."""
        self._entrance.close()
        self._handshakes.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._runner.cleanup()
        _library.removeFilter(self._is_ours)

    def _is_ours(self, record: logging.LogRecord) -> bool:
        """Whether a line of aiohttp is about the daemon, not about what a client has sent.

        Any client could fill the log with the latter, which comes before any password, as an error
        with a traceback.
        """
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, _MALFORMED):
            return True
        peer = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        self._refusals.add(MALFORMED, peer, str(error))
        return False


class _NewConnection(asyncio.Protocol):
    """A new connection, before anything was read from it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._site.accept(cast(asyncio.Transport, transport))
