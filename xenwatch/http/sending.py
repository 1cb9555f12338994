"""Sends bodies in pieces, so that clients that do not read cost little memory, and no place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from xenwatch.display.why import why
from xenwatch.http.refusals import ABANDONED, Refusals

SEND_TIMEOUT: Final = 30.0
"""Max seconds for sending a response."""
PIECE: Final = 1 << 18
"""Bytes that are first given to a connection: what a client does not take stays there."""
LARGEST: Final = 1 << 20
"""The most that is given to it at a time, once its client has taken as much before, quickly.

After each piece the event loop may have to wait for a thread that computes.
"""
QUICK: Final = 0.2
"""Seconds in which a client has taken a piece if the next is to be larger.

A slow one gets small ones, as it would take longer than `STALLED` for a large one, although it
always reads.
"""
STALLED: Final = 1.0
"""Seconds after which a client that takes nothing loses its place to another."""


class Sending:
    """The responses that are being sent; `now` is a clock in seconds."""

    def __init__(self, refusals: Refusals, now: Callable[[], float]) -> None:
        self._refusals = refusals
        self._now = now
        self._moved: dict[asyncio.Transport, float] = {}

    async def send(self, response: web.Response, request: web.Request) -> None:
        """Send the response; a client that takes nothing in, or is gone, is cut off."""
        transport = request.transport
        if transport is None:
            self._refusals.add(ABANDONED, detail="the client left before the answer")
            return
        self._moved[transport] = self._now()
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await response.prepare(request)
                await self._send_body(response, request, transport)
        except (TimeoutError, ConnectionError) as error:
            late = isinstance(error, TimeoutError)
            reason = f"timed out after {SEND_TIMEOUT:g} s" if late else why(error)
            self._refusals.add(ABANDONED, request.remote, reason)
            transport.abort()
        finally:
            del self._moved[transport]

    async def _send_body(
        self, response: web.Response, request: web.Request, transport: asyncio.Transport
    ) -> None:
        body = response.body
        if not isinstance(body, bytes) or len(body) <= PIECE or request.method == "HEAD":
            await response.write_eof()
            return
        left, size = memoryview(body), PIECE
        while left:
            begun = self._now()
            await response.write(left[:size])
            left = left[size:]
            self._moved[transport] = now = self._now()
            taken = len(body) - len(left)
            size = min(2 * size, taken, LARGEST) if now - begun <= QUICK else PIECE
        await web.StreamResponse.write_eof(response)

    def cut_stalled(self) -> bool:
        """Cut off the client that has taken nothing for longest, if there is one."""
        transport = min(self._moved, key=self._moved.__getitem__, default=None)
        if transport is None or self._now() - self._moved[transport] < STALLED:
            return False
        self._moved[transport] = self._now()  # it ends in a moment, and is not cut twice
        transport.abort()
        return True
