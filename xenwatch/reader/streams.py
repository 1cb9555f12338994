"""Events on a connection of their own: each item of a source's stream as a frame, without end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

from xenwatch.sources import frames
from xenwatch.sources.base import SourceError


def stream(connection: socket.socket, events: AsyncGenerator[bytes, None]) -> None:
    """Send the events until they end or the other side has closed the connection."""
    asyncio.run(_until_closed(connection, events))


async def _until_closed(connection: socket.socket, events: AsyncGenerator[bytes, None]) -> None:
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    # The other side says nothing more: what arrives is the end.
    tasks = (
        asyncio.ensure_future(_send(connection, events)),
        asyncio.ensure_future(loop.sock_recv(connection, 1)),
    )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(connection: socket.socket, events: AsyncGenerator[bytes, None]) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with contextlib.aclosing(events) as items:
            async for item in items:
                await loop.sock_sendall(connection, frames.answer(None, item, 0.0))
    except SourceError as error:
        await loop.sock_sendall(connection, frames.failure(error, 0.0))
