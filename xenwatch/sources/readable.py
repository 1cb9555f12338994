"""Waiting in the event loop until a descriptor can be read."""

from __future__ import annotations

import asyncio


async def readable(descriptor: int) -> None:
    """Return once the descriptor has something to read, or an error to report."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)
