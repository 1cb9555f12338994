"""A small client of xenstored: single requests over its socket or the kernel's device.

Every wait has a deadline: a xenstored with its descriptors exhausted leaves its clients hanging.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Final

from xenwatch.sources import local
from xenwatch.sources.base import ROUND_TRIP_DEADLINE, SourceError, XenstoreReply
from xenwatch.sources.wire import XENSTORE_HEADER, XS_READ

SOCKETS: Final = ("/run/xenstored/socket", "/var/run/xenstored/socket")
DEVICES: Final = ("/dev/xen/xenbus", "/proc/xen/xenbus")
REPLY_MAX: Final = 1 << 20
"""Bytes: to socket clients, oxenstored sends directories larger than 4 KiB in one reply."""


class XenstoreClient:
    """A connection made on first use and dropped on the first failure."""

    def __init__(self, rootfs: str = "", deadline: float = ROUND_TRIP_DEADLINE) -> None:
        self._rootfs = rootfs
        self._deadline = deadline
        self._fd: int | None = None
        self._lock = threading.Lock()
        self._request = 0

    def request(self, op: int, payload: bytes) -> XenstoreReply:
        """The reply to one request. Raises `SourceError` when it fails or times out."""
        return self._timed(op, payload)[0]

    def round_trip(self) -> float:
        """Seconds one read took on an open connection, without waiting for other requests."""
        return self._timed(XS_READ, b"domid\0")[1]

    def _timed(self, op: int, payload: bytes) -> tuple[XenstoreReply, float]:
        if not self._lock.acquire(timeout=self._deadline):
            raise self._timed_out()
        try:
            until = time.monotonic() + self._deadline
            try:
                if self._fd is None:
                    self._fd = self._connect(until)
                started = time.perf_counter()
                reply = self._ask(self._fd, op, payload, until)
                return reply, time.perf_counter() - started
            except OSError as error:
                self._drop()
                raise SourceError.from_os("xenstored", error) from error
            except SourceError:
                self._drop()
                raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        if self._lock.acquire(timeout=self._deadline):
            self._drop()
            self._lock.release()

    def _drop(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None

    def _timed_out(self) -> SourceError:
        return SourceError("xenstored", f"timed out after {self._deadline:g} s")

    def _connect(self, until: float) -> int:
        """A descriptor of the socket, or of the device where xenstored has no socket in dom0."""
        for path in SOCKETS:
            if os.path.exists(self._rootfs + path):
                try:
                    client = local.connect(self._rootfs + path, until)
                except TimeoutError:
                    raise self._timed_out() from None
                client.setblocking(False)
                return client.detach()
        for path in DEVICES:
            if os.path.exists(self._rootfs + path):
                return os.open(self._rootfs + path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        raise SourceError("xenstored", f"neither {SOCKETS[0]} nor {DEVICES[0]} exists", errno=2)

    def _ask(self, fd: int, op: int, payload: bytes, until: float) -> XenstoreReply:
        self._request = self._request + 1 & 0x7FFFFFFF
        data = XENSTORE_HEADER.pack(op, self._request, 0, len(payload)) + payload
        while data:
            self._wait(fd, select.POLLOUT, until)
            data = data[os.write(fd, data) :]
        kind, request, _, length = XENSTORE_HEADER.unpack(
            self._receive(fd, XENSTORE_HEADER.size, until)
        )
        if length > REPLY_MAX:
            raise SourceError("xenstored", f"reply of {length} bytes exceeds {REPLY_MAX}")
        body = self._receive(fd, length, until)
        if request != self._request:
            raise SourceError(
                "xenstored", f"replied to request {request} instead of {self._request}"
            )
        return XenstoreReply(kind, body)

    def _receive(self, fd: int, size: int, until: float) -> bytes:
        data = b""
        while len(data) < size:
            self._wait(fd, select.POLLIN, until)
            chunk = os.read(fd, size - len(data))
            if not chunk:
                raise SourceError("xenstored", "closed the connection")
            data += chunk
        return data

    def _wait(self, fd: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(fd, event)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise self._timed_out()


def request_apart(
    requests: Sequence[tuple[int, bytes]], rootfs: str = "", deadline: float = 2.0
) -> tuple[XenstoreReply, ...]:
    """Replies to requests on a connection of their own, which is closed in any case.

    None begins after `deadline` seconds. Raises `SourceError`, also where only the last reply is
    missing.
    """
    client = XenstoreClient(rootfs, deadline)
    until = time.monotonic() + deadline
    replies: list[XenstoreReply] = []
    try:
        for op, payload in requests:
            if time.monotonic() > until:
                reason = f"{len(replies)} of {len(requests)} replies after {deadline:g} s"
                raise SourceError("xenstored", reason)
            replies.append(client.request(op, payload))
    finally:
        client.close()
    return tuple(replies)
