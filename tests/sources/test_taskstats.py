"""The socket of taskstats: this machine's kernel, and sockets that misbehave."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Callable

import pytest

from tests.tools import need
from xenwatch.model.render.taskstats import FAMILY, render_taskstats
from xenwatch.parse.taskstats import Counters, parse_taskstats
from xenwatch.sources import taskstats
from xenwatch.sources.base import SourceError
from xenwatch.sources.host import HostSource
from xenwatch.sources.taskstats import TaskstatsClient
from xenwatch.sources.wire import NETLINK_HEADER, NLMSG_ERROR

Answers = Callable[[int], list[bytes]]
NONE_MAX = 1 << 22
"""No process has this id or a higher one (PID_MAX_LIMIT)."""


class Kernel:
    """A socket that answers each request of a send as `answer` says, by process id."""

    def __init__(self, answer: Answers) -> None:
        self._answer = answer
        self._waiting: list[bytes] = []
        self.sent: list[int] = []
        self.closed = False

    def send(self, data: bytes) -> None:
        """Take the requests, which are of 28 bytes each."""
        pids = [struct.unpack_from("=I", data, place + 24)[0] for place in range(0, len(data), 28)]
        self.sent.append(len(pids))
        for pid in pids:
            self._waiting += self._answer(pid)

    def recv_into(self, room: memoryview, _: int, flags: int) -> int:
        """The next answer."""
        assert flags == socket.MSG_DONTWAIT | socket.MSG_TRUNC
        if not self._waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        answer = self._waiting.pop(0)
        room[: len(answer)] = answer[: len(room)]
        return len(answer)

    def close(self) -> None:
        """Remembered in `closed`."""
        self.closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], list[Kernel]]:
    """What has every new socket answer in a way, and returns the sockets that were opened."""

    def make(answer: Answers) -> list[Kernel]:
        opened: list[Kernel] = []

        def open_one() -> Kernel:
            opened.append(Kernel(answer))
            return opened[-1]

        monkeypatch.setattr(taskstats, "_opened", open_one)
        monkeypatch.setattr(taskstats, "_family", lambda _: FAMILY)
        return opened

    return make


def answer(pid: int) -> list[bytes]:
    """An answer about a process."""
    return [render_taskstats([(pid, Counters(1, 2, 3, 4, pid))])]


def error(number: int) -> bytes:
    """An error message."""
    body = struct.pack("=i", -number) + bytes(16)
    return NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), NLMSG_ERROR, 0, 1, 0) + body


def test_this_kernel_tells_of_its_processes() -> None:
    """Processes that exist are answered in order, one that does not with ESRCH."""
    need("taskstats")
    with contextlib.closing(HostSource()) as source:
        found = parse_taskstats(source.taskstats((os.getpid(), NONE_MAX, 1)))

    assert list(found.pids) == [os.getpid(), 1]


def test_a_question_after_the_end_opens_a_new_socket() -> None:
    """A source that was closed answers again, and its family is known."""
    need("taskstats")
    with contextlib.closing(HostSource()) as source:
        source.taskstats((1,))
        source.close()

        assert source.taskstats((1,))


def test_a_kernel_without_the_family_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that the kernel does not have is missing, as pyroute2 asks for it."""
    monkeypatch.setattr(taskstats, "_FAMILY", "NO_SUCH_FAMILY")
    with (
        contextlib.closing(taskstats._opened()) as link,
        pytest.raises(OSError, match=os.strerror(errno.ENOENT)),
    ):
        taskstats._family(link)


def test_another_root_is_not_asked_about() -> None:
    """Process ids below a root may be those of another namespace: nothing is asked for."""
    with (
        contextlib.closing(HostSource("/mnt")) as source,
        pytest.raises(SourceError, match="taskstats: not asked for with rootfs /mnt"),
    ):
        source.taskstats((1,))


def test_many_are_asked_for_in_one_send(made: Callable[[Answers], list[Kernel]]) -> None:
    """150 processes take three sends and one socket, and come back in order."""
    opened = made(answer)
    client = TaskstatsClient()

    found = parse_taskstats(client.ask(range(1, 151)))

    assert list(found.pids) == list(range(1, 151))
    assert [kernel.sent for kernel in opened] == [[64, 64, 22]]


def test_processes_that_are_missing_now_and_then(made: Callable[[Answers], list[Kernel]]) -> None:
    """Errors among the answers, before and after their size is known, move none of the others."""
    made(lambda pid: answer(pid) if pid % 7 else [error(errno.ESRCH)])
    client = TaskstatsClient()

    for pids in ([7], range(1, 100), [14, 28], range(1, 7), range(1, 100), [1], [21]):
        found = parse_taskstats(client.ask(list(pids)))

        assert list(found.pids) == list(found.switches) == [pid for pid in pids if pid % 7]


def longer(pid: int, size: int) -> list[bytes]:
    """An answer of a later version of the struct, of that size."""
    (raw,) = answer(pid)
    return [struct.pack("=I", size) + raw[4:] + bytes(size - len(raw))]


def test_answers_that_are_longer_than_their_room(made: Callable[[Answers], list[Kernel]]) -> None:
    """They are asked for again with more room, by the same socket, and from then on at once."""
    opened = made(lambda pid: longer(pid, 4096) if pid % 7 else [error(errno.ESRCH)])
    client = TaskstatsClient()

    for _ in range(2):
        found = parse_taskstats(client.ask(range(1, 10)))
        assert list(found.pids) == list(found.switches) == [1, 2, 3, 4, 5, 6, 8, 9]

    assert [kernel.sent for kernel in opened] == [[9, 9, 9]]


def test_answers_that_grow_with_each_question(made: Callable[[Answers], list[Kernel]]) -> None:
    """There is an end of asking again."""
    sizes = iter(range(4096, 1 << 20, 4))
    made(lambda pid: longer(pid, next(sizes)))

    with pytest.raises(SourceError) as caught:
        TaskstatsClient().ask((1, 2))
    assert caught.value.errno == errno.EMSGSIZE


@pytest.mark.parametrize(
    ("broken", "number"),
    [
        (lambda _: [error(errno.EPERM)], errno.EPERM),
        (lambda _: [error(errno.ENOMEM)], errno.ENOMEM),
        (lambda pid: answer(pid) if pid != 7 else [], errno.EAGAIN),
    ],
)
def test_after_an_error_everything_begins_anew(
    made: Callable[[Answers], list[Kernel]], broken: Answers, number: int
) -> None:
    """A refusal or a lost answer fails the question; the next one has a socket of its own.

    What is left on the old one can not be taken for its answer.
    """
    opened = made(broken)
    client = TaskstatsClient()
    with pytest.raises(SourceError) as caught:
        client.ask((6, 7, 8))
    assert (caught.value.subject, caught.value.errno) == ("taskstats", number)
    made(answer)

    assert list(parse_taskstats(client.ask((9,))).pids) == [9]
    assert [kernel.closed for kernel in opened] == [True]
