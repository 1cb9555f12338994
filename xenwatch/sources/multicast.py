"""What the kernel multicasts by netlink: its links and its processes, over pyroute2's sockets.

Only the bytes are taken: pyroute2's decoder builds objects of every attribute. Importing pyroute2
is expensive, so `xenwatch.sources.events` imports this module in a thread, when it is first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import socket
import struct
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

from pyroute2.netlink import (  # type: ignore[import-untyped]
    NETLINK_CONNECTOR,
    NETLINK_ROUTE,
    NLMSG_DONE,
)
from pyroute2.netlink.connector import cn_proc  # type: ignore[import-untyped]
from pyroute2.netlink.nlsocket import AsyncNetlinkSocket  # type: ignore[import-untyped]
from pyroute2.netlink.rtnl import RTMGRP_LINK  # type: ignore[import-untyped]

from xenwatch.sources.base import SourceError
from xenwatch.sources.readable import readable
from xenwatch.sources.wire import CN_PROC_ERROR, CN_PROC_WHAT
from xenwatch.values import dataclass

DEADLINE: Final = 5.0
"""Seconds to wait for the kernel to acknowledge; without CONFIG_PROC_EVENTS it never does."""

_DATAGRAM: Final = 1 << 16
_BATCH_MAX: Final = 1 << 20
"""Most bytes read at a time; the rest waits for the next read, or is lost."""
_SO_ATTACH_FILTER: Final = 26
_INSTRUCTION: Final = struct.Struct("=HBBI")
"""struct sock_filter: code, jump if true, jump if false, operand (linux/filter.h)."""
_LOAD, _TO_X, _EQUAL, _EQUAL_X, _RETURN = 0x20, 0x07, 0x15, 0x1D, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_MISC|BPF_TAX, BPF_JMP|BPF_JEQ|BPF_K, ...|BPF_X, BPF_RET|BPF_K."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A multicast group: netlink family, mask of groups, bytes the kernel may keep for us.

    `pause` is the shortest time between two reads in seconds: what comes meanwhile is read in one
    batch, and what overflows the buffer is reported as lost.
    """

    subject: str
    family: int
    mask: int
    buffer: int
    pause: float


_LINKS: Final = _Group("rtnetlink", NETLINK_ROUTE, RTMGRP_LINK, 1 << 20, 0.1)
_PROCESSES: Final = _Group(
    "process events", NETLINK_CONNECTOR, cn_proc.CN_IDX_PROC, 1 << 14, 1.0
)  # fmt: skip


async def link_events() -> AsyncGenerator[bytes, None]:
    """`Source.events` of `LINKS`: RTM_NEWLINK and RTM_DELLINK, of ports of bridges too."""
    with _joined(_LINKS) as sock:
        yield b""
        async for messages in _messages(sock, _LINKS):
            yield messages


async def process_events(deadline: float = DEADLINE) -> AsyncGenerator[bytes, None]:
    """`Source.events` of `PROCESSES`: exec and exit of processes.

    Forks and exits of threads are filtered out in the kernel. Needs root and a kernel with
    CONFIG_PROC_EVENTS. Protocol: linux/cn_proc.h.
    """
    with _joined(_PROCESSES) as sock:
        program = _program()
        filter_ = ctypes.create_string_buffer(program)
        fprog = struct.pack("@HP", len(program) // _INSTRUCTION.size, ctypes.addressof(filter_))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        sock.send(_control(cn_proc.PROC_CN_MCAST_LISTEN))
        try:
            await _acknowledged(sock, deadline)
            yield b""
            async for messages in _messages(sock, _PROCESSES):
                yield messages
        finally:
            # Before Linux 6.6 the kernel does not notice that a listener has closed its socket.
            with contextlib.suppress(OSError):
                sock.send(_control(cn_proc.PROC_CN_MCAST_IGNORE))


@contextlib.contextmanager
def _joined(group: _Group) -> Iterator[Any]:
    """A pyroute2 socket that has joined the group. Raises `SourceError`."""
    sock = AsyncNetlinkSocket(family=group.family, rcvbuf=group.buffer)
    try:
        # AsyncNetlinkSocket.bind() makes asyncio read everything into an unbounded queue.
        sock.socket.bind((0, group.mask))
        yield sock
    except OSError as error:
        raise SourceError.from_os(group.subject, error) from error
    finally:
        sock.close()


async def _messages(sock: Any, group: _Group) -> AsyncGenerator[bytes, None]:
    """Batches of messages as they arrive; `b""` after messages were lost."""
    while True:
        await readable(sock.fileno())
        batch, lost = _batch(sock)
        if batch:
            yield batch
        if lost:
            yield b""
        await asyncio.sleep(group.pause)


def _batch(sock: Any) -> tuple[bytes, bool]:
    """Everything readable now, and whether the kernel dropped messages."""
    batch, lost = bytearray(), False
    while len(batch) < _BATCH_MAX:
        try:
            batch += sock.recv(_DATAGRAM, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            lost = True
    return bytes(batch), lost


async def _acknowledged(sock: Any, deadline: float) -> None:
    """Wait for the kernel to acknowledge the listener. Raises `OSError` and `SourceError`."""
    try:
        async with asyncio.timeout(deadline):
            await readable(sock.fileno())
    except TimeoutError:
        reason = f"timed out after {deadline:g} s; the kernel may lack CONFIG_PROC_EVENTS"
        raise SourceError(_PROCESSES.subject, reason) from None
    answer = sock.recv(_DATAGRAM, socket.MSG_DONTWAIT)
    what, error = CN_PROC_WHAT.unpack_from(answer)[0], CN_PROC_ERROR.unpack_from(answer)[0]
    if what == cn_proc.PROC_EVENT_NONE and error:
        raise OSError(error, os.strerror(error))


def _control(action: int) -> bytes:
    """The message that makes the kernel start or stop reporting processes."""
    message = cn_proc.proc_event_control()
    message["header"] |= {"type": NLMSG_DONE, "flags": 0, "sequence_number": 0, "pid": 0}
    message["idx"], message["val"] = cn_proc.CN_IDX_PROC, cn_proc.CN_VAL_PROC
    message["len"], message["action"] = 4, action
    message.encode()
    return bytes(message.data)


def _program() -> bytes:
    """The socket filter: passes acknowledgements, exec, and exit of whole processes.

    BPF loads in network byte order, so the constants are byte-swapped.
    """
    what, pid, tgid = 36, 52, 56
    instructions = (
        (_LOAD, 0, 0, what),
        (_EQUAL, 7, 0, socket.htonl(cn_proc.PROC_EVENT_NONE)),
        (_EQUAL, 6, 0, socket.htonl(cn_proc.PROC_EVENT_EXEC)),
        (_EQUAL, 0, 4, socket.htonl(cn_proc.PROC_EVENT_EXIT)),
        (_LOAD, 0, 0, pid),
        (_TO_X, 0, 0, 0),
        (_LOAD, 0, 0, tgid),
        (_EQUAL_X, 1, 0, 0),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
    )
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in instructions)
