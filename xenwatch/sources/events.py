"""What the host tells by itself: domains by xenstore's watches, links by rtnetlink.

A stream is an asynchronous iterator of event names (`DOMAIN`, `DOMAIN_SETTLED`, `LINK`). Its first
event says that it is connected: what was missed before is to be read now. It ends by `SourceError`
or `OSError`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.probes.base import DOMAIN, DOMAIN_SETTLED, LINK
from xenwatch.sources import local
from xenwatch.sources.base import SourceError
from xenwatch.sources.xenstored import DEVICES, HEADER, SOCKETS

DEADLINE: Final = 5.0
"""Seconds xenstored has to accept the watches; one out of descriptors never does."""
SETTLE: Final = 0.5
"""Seconds after the last event of a domain that they are told to have settled.

A domain is introduced before it has devices. xenstored releases one when it begins to die; Xen
forgets it a moment later, and of that nobody tells (domain_kill and complete_domain_destroy of
xen/common/domain.c).
"""
BACKOFF: Final = (1.0, 30.0)
"""Seconds before the first new attempt, and at most."""

# Message types of xs_wire.h.
_WATCH: Final = 4
_WATCH_EVENT: Final = 15
_ERROR: Final = 16
_PAYLOAD_MAX: Final = 1 << 20

_WATCHES: Final = (b"@introduceDomain", b"@releaseDomain")
_RTMGRP_LINK: Final = 1
"""The multicast group of link messages (rtnetlink.h)."""

Stream = Callable[[], AsyncGenerator[str, None]]

_log = structlog.get_logger()


async def follow(
    name: str,
    connect: Stream,
    kick: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Hand every event of a stream to `kick`, and connect again whenever it ends."""
    delay, broken = BACKOFF[0], False
    while True:
        try:
            async with contextlib.aclosing(connect()) as events:
                async for event in events:
                    if broken:
                        _log.info("events again", stream=name)
                    delay, broken = BACKOFF[0], False
                    kick(event)
        except (OSError, SourceError) as error:
            if not broken:
                _log.warning(
                    "no events; readings are as old as their interval",
                    stream=name,
                    reason=str(error),
                )
            broken = True
        await sleep(delay)
        delay = min(2 * delay, BACKOFF[1])


def host_streams(rootfs: str) -> dict[str, Stream]:
    """The streams of the live host by name."""
    return {"xenstore": functools.partial(domain_events, rootfs), "rtnetlink": link_events}


async def domain_events(
    rootfs: str = "/", deadline: float = DEADLINE, settle: float = SETTLE
) -> AsyncGenerator[str, None]:
    """`DOMAIN` when a domain was introduced or released, `DOMAIN_SETTLED` `settle` seconds after.

    Wire protocol: xs_wire.h and docs/misc/xenstore.txt of Xen.
    """
    descriptor = await _subscribed(rootfs.rstrip("/"), deadline)
    buffer = bytearray()
    try:
        async with asyncio.timeout(deadline):
            buffer += await _chunk(descriptor)
        wait: float | None = None
        while True:
            kinds = {kind for kind, _ in _messages(buffer)}
            if _ERROR in kinds:
                raise SourceError("xenstored", "refused to watch for domains")
            if _WATCH_EVENT in kinds:
                yield DOMAIN
                wait = settle
            try:
                async with asyncio.timeout(wait):
                    buffer += await _chunk(descriptor)
            except TimeoutError:
                wait = None
                yield DOMAIN_SETTLED
    except TimeoutError:
        raise SourceError("xenstored", f"accepted no watch within {deadline:g} s") from None
    finally:
        os.close(descriptor)


async def link_events() -> AsyncGenerator[str, None]:
    """`LINK` whenever a network link came, went or changed (rtnetlink(7))."""
    loop = asyncio.get_running_loop()
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as sock:
        sock.bind((0, _RTMGRP_LINK))
        while True:
            yield LINK
            try:
                await loop.sock_recv(sock, 1 << 16)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # too many to keep: that, too, is an event
                    raise


async def _subscribed(root: str, deadline: float) -> int:
    """A descriptor of a connection on which the watches are asked for.

    The kernel's device answers within write(2), so it is written to in a thread.
    """
    future = threads.start(functools.partial(_subscribe, root, deadline), "xenstore-events")
    await asyncio.wait((future,), timeout=deadline)
    if not future.done():
        future.add_done_callback(_close_late)
        raise SourceError("xenstored", f"no connection within {deadline:g} s")
    return future.result()


def _close_late(future: asyncio.Future[int]) -> None:
    if not future.cancelled() and future.exception() is None:
        os.close(future.result())


def _subscribe(root: str, deadline: float) -> int:
    descriptor = _connect(root, deadline)
    try:
        for number, path in enumerate(_WATCHES):
            payload = path + b"\0xenwatch\0"
            os.write(descriptor, HEADER.pack(_WATCH, number, 0, len(payload)) + payload)
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
    raise SourceError("xenstored", f"no {SOCKETS[0]} and no {DEVICES[0]}", errno.ENOENT)


async def _chunk(descriptor: int) -> bytes:
    """What there is to read, once there is something. Raises `SourceError` at the end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    with contextlib.suppress(BlockingIOError):
        data = os.read(descriptor, 1 << 16)
        if not data:
            raise SourceError("xenstored", "closed the connection")
        return data
    return b""


def _messages(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the complete messages out of the buffer: type and payload of each."""
    while len(buffer) >= HEADER.size:
        kind, _, _, length = HEADER.unpack_from(buffer)
        if length > _PAYLOAD_MAX:
            raise SourceError("xenstored", f"a message of {length} bytes is too large")
        end = HEADER.size + length
        if len(buffer) < end:
            return
        payload = bytes(buffer[HEADER.size : end])
        del buffer[:end]
        yield kind, payload
