"""A server for tests of receivers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

from xenwatch.delivery.outbox import Outbox
from xenwatch.delivery.saved import Value
from xenwatch.readings.moment import Moment


class Server:
    """Accepts what is posted, or rejects it with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[Any] = []
        self.paths: list[str] = []
        self.users: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Note a request."""
        self.paths.append(request.path)
        header = request.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            self.tokens.append(header.removeprefix("Bearer "))
        elif header:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).partition(b":")
            self.users.append((user.decode(), password.decode()))
        if self.status == 200:
            self.got.append(await request.json())
        return web.Response(
            status=self.status, text="no\x1b[31m", headers={"Location": "/elsewhere"}
        )


def saved(box: Outbox, now: Moment) -> Value:
    """What an outbox saves, read back."""
    return Value(json.loads(json.dumps(box.saved(now))))


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop go on until the condition holds; nobody signals what tests wait for."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server at a free port of this machine."""
    receiver = Server()
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    receiver.url = f"http{'s' * (tls is not None)}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
