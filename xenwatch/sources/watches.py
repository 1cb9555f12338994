"""Events about domains from xenstored: its watches on @introduceDomain and @releaseDomain.

Wire protocol: xs_wire.h and docs/misc/xenstore.txt of Xen.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from xenwatch import threads
from xenwatch.sources import local
from xenwatch.sources.base import SourceError
from xenwatch.sources.readable import readable
from xenwatch.sources.wire import XENSTORE_HEADER, XS_ERROR, XS_WATCH, XS_WATCH_EVENT
from xenwatch.sources.xenstored import DEVICES, SOCKETS

DEADLINE: Final = 5.0
"""Seconds xenstored has to accept the watches; with its descriptors exhausted it never does."""

_PAYLOAD_MAX: Final = 1 << 20
_WATCHES: Final = (b"@introduceDomain", b"@releaseDomain")


async def domain_events(
    rootfs: str = "/", deadline: float = DEADLINE
) -> AsyncGenerator[bytes, None]:
    """`Source.events` of `DOMAINS`: xenstored's XS_WATCH_EVENT messages."""
    try:
        descriptor = await _subscribed(rootfs.rstrip("/"), deadline)
    except OSError as error:
        raise SourceError.from_os("xenstored", error) from error
    except RuntimeError as error:
        raise SourceError("xenstored", str(error)) from error
    buffer = bytearray()
    try:
        try:
            async with asyncio.timeout(deadline):
                early = await _accepted(descriptor, buffer)
        except TimeoutError:
            reason = f"timed out setting watches after {deadline:g} s"
            raise SourceError("xenstored", reason) from None
        yield b""
        for message in early:
            yield message
        while True:
            buffer += await _chunk(descriptor)
            for kind, message in _messages(buffer):
                if kind == XS_WATCH_EVENT:
                    yield message
    finally:
        _close(descriptor)


async def _accepted(descriptor: int, buffer: bytearray) -> list[bytes]:
    """The events that arrive until xenstored has accepted every watch.

    Raises `SourceError` when it rejects one.
    """
    events: list[bytes] = []
    accepted = 0
    while accepted < len(_WATCHES):
        buffer += await _chunk(descriptor)
        for kind, message in _messages(buffer):
            if kind == XS_ERROR:
                raise SourceError("xenstored", "rejected the watches for domains")
            accepted += kind == XS_WATCH
            if kind == XS_WATCH_EVENT:
                events.append(message)
    return events


async def _subscribed(root: str, deadline: float) -> int:
    """A descriptor of a connection on which the watches have been requested.

    The kernel's device answers within write(2), so that runs in a thread.
    """
    future = threads.start(functools.partial(_subscribe, root, deadline), "xenstore-events")
    try:
        await asyncio.wait((future,), timeout=deadline)
    finally:
        if not future.done():
            future.add_done_callback(_close_unused)
    if not future.done():
        raise SourceError("xenstored", f"timed out connecting after {deadline:g} s")
    return future.result()


def _close_unused(future: asyncio.Future[int]) -> None:
    if not future.cancelled() and future.exception() is None:
        _close(future.result())


def _close(descriptor: int) -> None:
    """Close in a thread, which nothing waits for.

    The kernel's device removes each watch by a request to xenstored (xenbus_file_free of
    drivers/xen/xenbus/xenbus_dev_frontend.c), which may answer nobody.
    """
    threads.start(functools.partial(os.close, descriptor), "xenstore-close")


def _subscribe(root: str, deadline: float) -> int:
    descriptor = _connect(root, deadline)
    try:
        for number, path in enumerate(_WATCHES):
            payload = path + b"\0xenwatch\0"
            os.write(descriptor, XENSTORE_HEADER.pack(XS_WATCH, number, 0, len(payload)) + payload)
        os.set_blocking(descriptor, False)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _connect(root: str, deadline: float) -> int:
    for path in SOCKETS:
        if os.path.exists(root + path):
            return local.connect(root + path, time.monotonic() + deadline).detach()
    for path in DEVICES:
        if os.path.exists(root + path):
            return os.open(root + path, os.O_RDWR | os.O_CLOEXEC)
    raise SourceError("xenstored", f"neither {SOCKETS[0]} nor {DEVICES[0]} exists", errno.ENOENT)


async def _chunk(descriptor: int) -> bytes:
    """The next bytes to arrive. Raises `SourceError` when the connection is closed."""
    await readable(descriptor)
    try:
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise SourceError("xenstored", "closed the connection")
            return data
    except OSError as error:
        raise SourceError.from_os("xenstored", error) from error
    return b""


def _messages(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Remove the complete messages from the buffer: the type and the bytes of each."""
    while len(buffer) >= XENSTORE_HEADER.size:
        kind, _, _, length = XENSTORE_HEADER.unpack_from(buffer)
        if length > _PAYLOAD_MAX:
            raise SourceError("xenstored", f"message of {length} bytes exceeds {_PAYLOAD_MAX}")
        end = XENSTORE_HEADER.size + length
        if len(buffer) < end:
            return
        message = bytes(buffer[:end])
        del buffer[:end]
        yield kind, message
