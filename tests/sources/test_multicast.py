"""Events of links and processes: the kernel's own, and sockets that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator

import pytest
from pyroute2.netlink.connector import cn_proc  # type: ignore[import-untyped]

from tests.tools import need
from xenwatch.events.names import of_rtnetlink
from xenwatch.sources import multicast
from xenwatch.sources.base import LINKS, PROCESSES, TOPICS, SourceError
from xenwatch.sources.events import host_events
from xenwatch.sources.wire import CN_PROC_WHAT, NETLINK_HEADER

LATE = 30.0

CHANGE = """
import asyncio, fcntl, json, socket, struct, sys
from xenwatch.events.names import of_rtnetlink
from xenwatch.sources.events import host_events

async def main():
    heard = []
    async for messages in host_events("links"):
        heard.append(len(messages))
        if len(heard) > 1:
            return heard, bool(of_rtnetlink(messages))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP

print(json.dumps(asyncio.run(main())))
"""
"""Sets the loopback device of a new network namespace up, and listens."""


def private() -> list[str]:
    """What runs a program in a network namespace of its own; nothing where that is not allowed."""
    if shutil.which("unshare"):
        for options in ("-n", "-rn"):
            command = ["unshare", options]
            if subprocess.run([*command, "true"], check=False).returncode == 0:
                return command
    return []


def test_links_of_the_kernel_are_heard() -> None:
    """A link that changes is reported in rtnetlink's own bytes."""
    command = private()
    if command:
        script = [*command, sys.executable, "-c", CHANGE]
        heard, concerns = json.loads(subprocess.run(script, check=True, capture_output=True).stdout)
        assert heard[0] == 0
        assert heard[1] > NETLINK_HEADER.size
        assert concerns
    else:
        assert asyncio.run(first(host_events(LINKS))) == b""


async def first(stream: AsyncGenerator[bytes, None]) -> bytes:
    """The first item of a stream."""
    async with contextlib.aclosing(stream):
        return await asyncio.wait_for(anext(stream), LATE)


def each(batch: bytes) -> Iterator[bytes]:
    """The messages of a batch."""
    while batch:
        length = NETLINK_HEADER.unpack_from(batch)[0]
        yield batch[:length]
        batch = batch[length:]


async def heard_of_a_child() -> tuple[set[int], int]:
    """What the process connector reports until a child has begun a program and ended."""
    kinds: set[int] = set()
    child = None
    async with contextlib.aclosing(host_events(PROCESSES)) as events:
        async for batch in events:
            if child is None:
                child = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
                await child.wait()
            messages = list(each(batch))
            kinds |= {CN_PROC_WHAT.unpack_from(message)[0] for message in messages}
            pids = {int.from_bytes(message[52:56], sys.byteorder) for message in messages}
            if child.pid in pids and cn_proc.PROC_EVENT_EXIT in kinds:
                break
    return kinds, child.pid if child else 0


def allowed() -> bool:
    """Whether this process may listen to the connector, as a plain socket shows."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11) as sock:  # NETLINK_CONNECTOR
            sock.bind((0, cn_proc.CN_IDX_PROC))
            sock.settimeout(1)
            sock.send(multicast._control(cn_proc.PROC_CN_MCAST_LISTEN))
            answer = sock.recv(1 << 16)
            sock.send(multicast._control(cn_proc.PROC_CN_MCAST_IGNORE))
    except OSError:
        return False
    return not int.from_bytes(answer[52:56], sys.byteorder)


def test_processes_of_the_kernel_are_heard() -> None:
    """Programs that begin and processes that end are reported, forks are not; or it says why."""
    need("process events")
    if not allowed():
        with pytest.raises(SourceError, match=r"^process events: "):
            asyncio.run(first(host_events(PROCESSES)))
        return
    kinds, pid = asyncio.run(asyncio.wait_for(heard_of_a_child(), LATE))
    assert pid
    expected = {cn_proc.PROC_EVENT_EXEC, cn_proc.PROC_EVENT_EXIT}
    assert expected <= kinds <= expected | {cn_proc.PROC_EVENT_NONE}


def test_the_control_message_is_the_kernels() -> None:
    """The request to report processes is struct nlmsghdr, cn_msg and the operation, 40 bytes."""
    data = multicast._control(cn_proc.PROC_CN_MCAST_LISTEN)

    assert data.hex() == (
        "28000000030000000000000000000000"
        "010000000100000000000000000000000400000001000000"
    )  # fmt: skip


async def test_a_kernel_without_process_events_is_given_up() -> None:
    """A kernel that never acknowledges is an error of the source after the deadline."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(SourceError, match=r"timed out after 0\.01 s"):
        await multicast._acknowledged(ours, 0.01)


async def test_a_refusal_has_the_kernels_reason() -> None:
    """The error number in the kernel's answer is told as the system's."""
    ours, theirs = socket.socketpair()
    answer = bytearray(76)
    answer[52] = errno.EPERM
    theirs.send(answer)
    with ours, theirs, pytest.raises(PermissionError):
        await multicast._acknowledged(ours, LATE)


class Overrun:
    """A socket whose buffer was too small for one of three messages."""

    def __init__(self) -> None:
        self.left: list[bytes | OSError] = [
            b"one", OSError(errno.ENOBUFS, ""), b"two", BlockingIOError(errno.EAGAIN, ""),
        ]  # fmt: skip

    def recv(self, size: int, flags: int) -> bytes:
        """The next message or error."""
        item = self.left.pop(0)
        if isinstance(item, OSError):
            raise item
        return item


def test_lost_messages_are_noticed() -> None:
    """What was read is kept, and that something was lost is known."""
    assert multicast._batch(Overrun()) == (b"onetwo", True)


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a batch stays in the socket."""
    monkeypatch.setattr(multicast, "_BATCH_MAX", 3)
    socket_ = Overrun()

    assert multicast._batch(socket_) == (b"one", False)
    assert len(socket_.left) == 3


async def test_a_pyroute2_that_is_missing_is_an_error_of_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where pyroute2 cannot be imported there are no events, and the reason is said."""

    def missing() -> None:
        raise ModuleNotFoundError("No module named 'pyroute2'")

    monkeypatch.setattr("xenwatch.sources.events._import", missing)
    for topic in set(TOPICS) - {"domains"}:
        with pytest.raises(SourceError, match="pyroute2: cannot be imported: No module"):
            await first(host_events(topic))


def test_an_empty_batch_concerns_nothing() -> None:
    """No bytes are no message."""
    assert not of_rtnetlink(b"")
