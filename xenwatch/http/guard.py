"""Who is served: the rate limit and the users of the web configuration, before every request."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from xenwatch.http.passwords import BusyError, Passwords
from xenwatch.http.rate_limit import Bucket
from xenwatch.sockets.unix import peer
from xenwatch.web_config.load import WebConfig

UNAUTHORIZED: Final = "user and password required\n"
WRONG: Final = "wrong user or password\n"
LIMITED: Final = "too many requests; see rate_limit of the web configuration\n"
BUSY: Final = "too many passwords to check; retry later\n"

ROOT: Final = 0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(current: Callable[[], WebConfig], now: Callable[[], float]) -> Middleware:
    """Rejects what the configuration does not admit; `now` is a clock in seconds.

    Root and the daemon's own user need no password on a Unix socket: the kernel names them, and
    they can read the configuration anyway.
    """
    passwords, bucket = Passwords(), Bucket()

    @web.middleware
    async def admit(request: web.Request, handler: _Handler) -> web.StreamResponse:
        config = current()
        if (config.rate or config.users) and not _trusted(request):
            if config.rate and not bucket.take(config.rate, now()):
                return web.Response(status=429, text=LIMITED, headers={"Retry-After": "1"})
            try:
                header = request.headers.get("Authorization", "")
                asks = request.remote or ""
                if config.users and not await passwords.admit(config.users, header, asks):
                    challenge = {"WWW-Authenticate": 'Basic realm="xenwatch", charset="UTF-8"'}
                    text = WRONG if header else UNAUTHORIZED
                    return web.Response(status=401, text=text, headers=challenge)
            except BusyError:
                return web.Response(status=503, text=BUSY, headers={"Retry-After": "1"})
        return await handler(request)

    return admit


def _trusted(request: web.Request) -> bool:
    sock = None if request.transport is None else request.transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return False
    return peer(sock) in (ROOT, os.geteuid())
