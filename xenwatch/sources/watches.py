"""Events about domains and backends from xenstored: its watches on special names and a directory.

Wire protocol: xs_wire.h and docs/misc/xenstore.txt of Xen.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from typing import Final, cast

from xenwatch import threads
from xenwatch.sources import local
from xenwatch.sources.base import SourceError
from xenwatch.sources.readable import readable
from xenwatch.sources.wire import XENSTORE_HEADER, XS_ERROR, XS_WATCH, XS_WATCH_EVENT
from xenwatch.sources.xenstored import DEVICES, SOCKETS

DEADLINE: Final = 5.0
"""Seconds xenstored has to accept the watches; with its descriptors exhausted it never does."""

AGAIN: Final = 0.1
"""Seconds from one look to the next whether an earlier attempt is over."""

_PAYLOAD_MAX: Final = 1 << 20
_WATCHES: Final = (b"@introduceDomain", b"@releaseDomain", b"backend")
"""The last one is /local/domain/ID/backend of the domain that asks, and all below it."""


async def domain_events(
    rootfs: str = "/", deadline: float = DEADLINE
) -> AsyncGenerator[bytes, None]:
    """`Source.events` of `DOMAINS`: xenstored's XS_WATCH_EVENT messages."""
    root = rootfs.rstrip("/")
    try:
        descriptor = await _subscribed(root, deadline)
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
        if early:
            yield early
        while True:
            buffer += await _chunk(descriptor)
            events = b"".join(
                message for kind, message in _messages(buffer) if kind == XS_WATCH_EVENT
            )
            if events:
                yield events
    finally:
        _close(root, descriptor)


async def _accepted(descriptor: int, buffer: bytearray) -> bytes:
    """The events that arrive until xenstored has accepted every watch.

    Raises `SourceError` when it rejects one.
    """
    events: list[bytes] = []
    accepted = 0
    while accepted < len(_WATCHES):
        buffer += await _chunk(descriptor)
        for kind, message in _messages(buffer):
            if kind == XS_ERROR:
                raise SourceError("xenstored", "rejected the watches")
            accepted += kind == XS_WATCH
            if kind == XS_WATCH_EVENT:
                events.append(message)
    return b"".join(events)


class _UnderWay:
    """What may hang in the kernel's device, by root: one subscription, or the end of one.

    A xenstored that answers nobody costs one thread and one descriptor, however often it is tried,
    by however many event loops.
    """

    def __init__(self) -> None:
        self._roots = Counter[str]()
        self._lock = threading.Lock()

    async def begin(self, root: str, deadline: float) -> None:
        """Wait until nothing of the root is under way, and begin. Raises `SourceError`."""
        until = time.monotonic() + deadline
        while not self._begun(root):
            if time.monotonic() >= until:
                raise SourceError("xenstored", "an earlier attempt to set watches still hangs")
            await asyncio.sleep(min(AGAIN, deadline))

    def _begun(self, root: str) -> bool:
        with self._lock:
            if self._roots[root]:
                return False
            self._roots[root] = 1
        return True

    def more(self, root: str) -> None:
        """What is there already ends, which may hang too."""
        with self._lock:
            self._roots[root] += 1

    def end(self, root: str) -> None:
        """It is over."""
        with self._lock:
            self._roots[root] -= 1


_under_way = _UnderWay()


class _Attempt:
    """A subscription in a thread, which closes what nobody waits for any more."""

    def __init__(self, root: str, deadline: float) -> None:
        self._root = root
        self._deadline = deadline
        self._descriptor: int | None = None
        self._left = False
        self._lock = threading.Lock()

    def run(self) -> int | None:
        """The descriptor, if somebody waits for it."""
        try:
            descriptor = _subscribe(self._root, self._deadline)
            with self._lock:
                self._descriptor = descriptor
                left = self._left
            if left:
                os.close(descriptor)
        finally:
            _under_way.end(self._root)
        return None if left else descriptor

    def leave(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._left, done = True, self._descriptor
        if done is not None:
            _close(self._root, done)


async def _subscribed(root: str, deadline: float) -> int:
    """A descriptor of a connection on which the watches have been requested.

    The kernel's device answers within write(2), so that runs in a thread.
    """
    await _under_way.begin(root, deadline)
    attempt = _Attempt(root, deadline)
    future = threads.start(attempt.run, "xenstore-events")
    try:
        await asyncio.wait((future,), timeout=deadline)
    except asyncio.CancelledError:
        attempt.leave()
        raise
    if not future.done():
        attempt.leave()
        raise SourceError("xenstored", f"timed out connecting after {deadline:g} s")
    if isinstance(future.exception(), RuntimeError):  # there was no thread
        _under_way.end(root)
    return cast(int, future.result())


def _close(root: str, descriptor: int) -> None:
    """Close a socket; the kernel's device in a thread, which nothing waits for.

    The kernel's device removes each watch by a request to xenstored (xenbus_file_free of
    drivers/xen/xenbus/xenbus_dev_frontend.c), which may answer nobody.
    """
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return
    _under_way.more(root)

    def close() -> None:
        try:
            os.close(descriptor)
        finally:
            _under_way.end(root)

    closing = threads.start(close, "xenstore-close")
    if closing.done() and closing.exception():  # there was no thread: it stays open
        _under_way.end(root)


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
