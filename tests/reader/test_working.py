"""A front that waits for an answer is told while its question gets on, and only then."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.reader.serving import Hanging, asking, reason, standing_clock
from xenwatch.progress import Sign
from xenwatch.reader import server
from xenwatch.reader.working import Working
from xenwatch.sources import frames
from xenwatch.sources.frames import ANSWER_MAX, WORKING

pytestmark = pytest.mark.no_cover

ANSWER = frames.answer(None, b"the answer", 0.0)


@dataclass
class Look:
    """The sign of every thread."""

    sign: Sign | None = None

    def __call__(self, _thread: int | None) -> Sign | None:
        return self.sign


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The reader's end of a connection and the front's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        yield ours, theirs


def heard(theirs: socket.socket) -> bytes:
    """What the front was told."""
    with contextlib.suppress(BlockingIOError):
        return theirs.recv(1000)
    return b""


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        ([Sign(1e9), Sign(2e9)], 2),
        ([Sign(0.0, runnable=True), Sign(0.0, runnable=True)], 2),
        ([Sign(1e9), Sign(1e9)], 1),
        ([Sign(0.0)], 0),
        ([None], 0),
    ],
    ids=["gets CPU time", "waits for a CPU", "no more CPU time", "stands still", "unknown"],
)
def test_a_front_is_told_while_its_question_gets_on(
    pair: Pair, signs: list[Sign | None], told: int
) -> None:
    """A frame goes out at each look at which the thread has got on, and at no other."""
    look = Look()
    working = Working(look)
    with working.on(pair[0], 0.0) as work:
        for now, look.sign in enumerate(signs, 1):
            working.tell(float(now))

    assert heard(pair[1]) == WORKING * told
    assert work.moved == told


def test_nothing_is_told_after_the_answer(pair: Pair) -> None:
    """A question that is answered is looked at no more."""
    working = Working(Look(Sign(0.0, runnable=True)))
    with working.on(pair[0], 0.0):
        pass
    working.tell(1.0)

    assert heard(pair[1]) == b""


def test_a_front_that_takes_nothing_holds_nobody_up(pair: Pair) -> None:
    """With its buffer full, a front is told nothing, and the look ends."""
    working = Working(Look(Sign(0.0, runnable=True)))
    pair[0].setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            pair[0].send(bytes(4096))
    pair[0].setblocking(True)
    with working.on(pair[0], 0.0) as work:
        working.tell(1.0)

    assert work.moved == 1.0


def test_it_ends() -> None:
    """The thread that tells ends when it is told to, with and without questions."""
    working = Working(Look())
    thread = threading.Thread(target=working.run)
    thread.start()
    working.stop()
    thread.join()

    assert not thread.is_alive()


def test_a_question_that_gets_on_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, it hangs only once its thread has stood still for as long."""
    clock = standing_clock(monkeypatch)
    working = Working(lambda _thread: Sign(0.0, runnable=True))
    monkeypatch.setattr(server, "Working", lambda: working)
    host = Hanging()
    with asking(host, tmp_path, seconds=0.5) as remote:
        for clock.now in (0.0, 1.6 * server.HANGS):
            assert reason(remote, "/proc/1/comm") == "reader: timed out"
            host.waiting.acquire()
            working.tell(clock.now + 0.8 * server.HANGS)
        clock.now = 4 * server.HANGS
        assert reason(remote, "/proc/1/comm").endswith("an earlier question for it still hangs")
        host.free.set()


@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_an_answer_is_received_behind_what_was_told_before(pieces: int) -> None:
    """Whatever pieces they arrive in, frames that say a question gets on are no answer."""
    ours, theirs = socket.socketpair()
    raw = WORKING * 3 + ANSWER
    with ours, theirs:
        ours.settimeout(30)
        sends = [raw[at : at + pieces] for at in range(0, len(raw), pieces)]
        thread = threading.Thread(target=lambda: [theirs.send(each) for each in sends])
        thread.start()
        found = frames.receive_answer(ours, ANSWER_MAX, 30)
        thread.join()

    assert found == ANSWER[frames.PREFIX :]


def test_what_is_told_gives_the_answer_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds for an answer begin anew; without a word they end in a timeout."""
    said = [WORKING, WORKING, WORKING, ANSWER]

    class Late:
        """A connection on which each piece comes after 40 s."""

        now = 0.0

        def recv(self, _most: int) -> bytes:
            Late.now += 40
            return said.pop(0) if said else b"\0"

    monkeypatch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: Late.now))
    connection: socket.socket = Late()  # type: ignore[assignment]

    assert frames.receive_answer(connection, ANSWER_MAX, 60) == ANSWER[frames.PREFIX :]
    with pytest.raises(TimeoutError):
        frames.receive_answer(connection, ANSWER_MAX, 60)
