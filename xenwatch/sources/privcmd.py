"""Hypercalls by ioctl on the privcmd device, without any library of Xen.

The two ABIs used are stable: `struct privcmd_hypercall` of Linux (include/uapi/xen/privcmd.h) and
the hypercalls themselves. libxenctrl is not: its name and its structures change with every Xen.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Sequence
from typing import Final

from xenwatch.sources.base import BLOCK, Hypercall, HypercallReply, SourceError

PRIVCMD_PATHS: Final = ("/dev/xen/privcmd", "/proc/xen/privcmd")
BUFFER_PATH: Final = "/dev/xen/hypercall"
BUFFER_SIZE: Final = 64 << 10

_IOCTL: Final = 48 << 16 | ord("P") << 8
"""IOCTL_PRIVCMD_HYPERCALL: _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))."""
_CALL: Final = struct.Struct("=6Q")
_POINTER: Final = struct.Struct("=Q")
_IOCTL_ERRNOS: Final = (errno.EBADF, errno.ENOTTY)
"""Errors of the ioctl itself; Xen never returns these."""


class Privcmd:
    """An open privcmd device and the buffer for argument blocks. Thread-safe."""

    def __init__(self, rootfs: str = "") -> None:
        """Open the device below `rootfs`. Raises `SourceError`."""
        self._fd = _open(rootfs)
        self._lock = threading.Lock()
        try:
            self._buffer = _buffer(rootfs)
        except OSError as error:
            os.close(self._fd)
            raise SourceError.from_os(BUFFER_PATH, error) from error
        self._view = ctypes.c_char.from_buffer(self._buffer)
        self._address = ctypes.addressof(self._view)
        self._closed = False

    def call(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Issue the calls in turn, ending early after one that answers EINVAL."""
        replies: list[HypercallReply] = []
        for call in calls:
            with self._lock:
                if self._closed:
                    raise SourceError(PRIVCMD_PATHS[0], "closed: xenwatch is shutting down")
                reply = self._issue(call)
            replies.append(reply)
            if reply.result == -errno.EINVAL:
                break
        return tuple(replies)

    def close(self) -> None:
        """Close the device and free the buffer."""
        with self._lock:
            self._closed = True
            os.close(self._fd)
            del self._view
            self._buffer.close()

    def _issue(self, call: Hypercall) -> HypercallReply:
        size = len(call.block)
        if size > BUFFER_SIZE:
            raise SourceError(
                f"hypercall {call.number}", f"argument block of {size} bytes exceeds {BUFFER_SIZE}"
            )
        self._buffer[:size] = call.block
        for place, target in call.links:
            _POINTER.pack_into(self._buffer, place, self._address + target)
        args = [self._address if arg == BLOCK else arg for arg in call.args]
        request = bytearray(_CALL.pack(call.number, *args, *(5 - len(args)) * (0,)))
        try:
            result = fcntl.ioctl(self._fd, _IOCTL, request, True)
        except OSError as error:
            if error.errno in _IOCTL_ERRNOS or not error.errno:
                raise SourceError.from_os(f"hypercall {call.number}", error) from error
            result = -error.errno
        for place, _ in call.links:
            _POINTER.pack_into(self._buffer, place, 0)
        return HypercallReply(result, self._buffer[:size])


def _open(rootfs: str) -> int:
    failure: OSError | None = None
    for path in PRIVCMD_PATHS:
        try:
            return os.open(rootfs + path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            failure = failure or error
    raise SourceError.from_os(PRIVCMD_PATHS[0], failure or OSError())


def _buffer(rootfs: str) -> mmap.mmap:
    """Memory Xen may write to: resident and never moved.

    `/dev/xen/hypercall` exists since Linux 4.18; older kernels get locked, touched memory.
    """
    try:
        fd = os.open(rootfs + BUFFER_PATH, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        memory = mmap.mmap(-1, BUFFER_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory[:] = bytes(BUFFER_SIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(BUFFER_SIZE)) != 0:
            raise OSError(ctypes.get_errno(), "mlock") from None
        return memory
    try:
        return mmap.mmap(fd, BUFFER_SIZE)
    finally:
        os.close(fd)
