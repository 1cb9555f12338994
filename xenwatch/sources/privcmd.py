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
from array import array
from collections.abc import Sequence
from typing import Final

from xenwatch.sources.base import BLOCK, BatchReply, Hypercall, HypercallReply, SourceError

PRIVCMD_PATHS: Final = ("/dev/xen/privcmd", "/proc/xen/privcmd")
BUFFER_PATH: Final = "/dev/xen/hypercall"
BUFFER_SIZE: Final = 64 << 10

_IOCTL: Final = 48 << 16 | ord("P") << 8
"""IOCTL_PRIVCMD_HYPERCALL: _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))."""
_CALL: Final = struct.Struct("=6Q")
_POINTER: Final = struct.Struct("=Q")
MULTICALL: Final = 13
"""__HYPERVISOR_multicall: issues a table of hypercalls (xen/include/public/xen.h)."""
_ENTRY: Final = struct.Struct("=QqQQQQQQ")
"""struct multicall_entry where `unsigned long` has 64 bits: op, result and six arguments."""
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
        # In a 32-bit process an entry has another form.
        self._multicall = struct.calcsize("P") == _POINTER.size
        self._form: tuple[int, tuple[int, ...], int, int] | None = None
        self._prepared = b""

    def call(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        """Issue the calls in turn, ending early after one that answers EINVAL."""
        replies: list[HypercallReply] = []
        for call in calls:
            with self._lock:
                self._require_open()
                reply = self._issue(call)
            replies.append(reply)
            if reply.result == -errno.EINVAL:
                break
        return tuple(replies)

    def batch(self, call: Hypercall, size: int) -> BatchReply:
        """Issue the call on each part of `size` bytes of its block, by one hypercall of Xen's.

        Where Xen refuses that one, each is issued by itself.
        """
        count = len(call.block) // size
        entries = self._entries(call, size, count)
        place = len(entries)
        if not entries or place + len(call.block) > BUFFER_SIZE:
            return self._singly(call, size, count)
        with self._lock:
            self._require_open()
            self._buffer[: place + len(call.block)] = entries + call.block
            refused = self._ioctl(MULTICALL, (self._address, count))
            words = array("q", self._buffer[:place])
            block = self._buffer[place : place + len(call.block)]
        if refused:
            self._multicall = False
            return self._singly(call, size, count)
        return BatchReply(words[1 :: _ENTRY.size // 8].tobytes(), block)

    def _entries(self, call: Hypercall, size: int, count: int) -> bytes:
        """An entry for each part of the block, which lies behind them; empty without multicalls.

        Those of the last call of the same form are kept: the addresses are the same.
        """
        form = call.number, call.args, size, count
        if self._multicall and form != self._form:
            place = self._address + count * _ENTRY.size
            self._form = form
            self._prepared = b"".join(
                _ENTRY.pack(call.number, 0, *_arguments(call.args, place + number * size), 0)
                for number in range(count)
            )
        return self._prepared if self._multicall else b""

    def _singly(self, call: Hypercall, size: int, count: int) -> BatchReply:
        replies = []
        for place in range(0, count * size, size):
            with self._lock:
                self._require_open()
                part = call.block[place : place + size]
                replies.append(self._issue(Hypercall(call.number, call.args, part)))
        results = array("q", [reply.result for reply in replies])
        return BatchReply(results.tobytes(), b"".join(reply.block for reply in replies))

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
        result = self._ioctl(call.number, _arguments(call.args, self._address))
        for place, _ in call.links:
            _POINTER.pack_into(self._buffer, place, 0)
        return HypercallReply(result, self._buffer[:size])

    def _ioctl(self, number: int, args: Sequence[int]) -> int:
        """The result of a hypercall, or its errno negated. Raises `SourceError`."""
        request = bytearray(_CALL.pack(number, *args, *(5 - len(args)) * (0,)))
        try:
            return int(fcntl.ioctl(self._fd, _IOCTL, request, True))
        except OSError as error:
            if error.errno in _IOCTL_ERRNOS or not error.errno:
                raise SourceError.from_os(f"hypercall {number}", error) from error
            return -error.errno

    def _require_open(self) -> None:
        if self._closed:
            raise SourceError(PRIVCMD_PATHS[0], "closed: xenwatch is shutting down")


def _arguments(args: Sequence[int], address: int) -> list[int]:
    """The five arguments of a hypercall whose block is at an address."""
    found = [address if arg == BLOCK else arg for arg in args]
    return found + [0] * (5 - len(found))


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
