"""The source of the front: it asks the reader, which runs as root, by its socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, cast

from xenwatch import threads
from xenwatch.readings.origin import READER, Origin
from xenwatch.sources import answers, frames, local
from xenwatch.sources.base import (
    LINKS,
    READ_LIMIT,
    BatchReply,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
    charge,
)
from xenwatch.sources.frames import (
    AHEAD,
    AHEAD_MAX,
    ANSWER_MAX,
    EVENTS,
    HISTOGRAMS,
    REMOVE,
    SET_UP,
    FrameError,
)
from xenwatch.sources.kept_links import KeptLinks
from xenwatch.sources.tree import hypercall_arguments

ANSWER_SECONDS: Final = 60.0
"""Seconds the reader has for an answer since it last said that it works on it: a probe's longest
deadline. Then the reading hangs."""
IDLE_MAX: Final = 16
"""Connections kept for the next questions; each has a thread of the reader."""
REFUSED_MAX: Final = 100
AHEAD_SECONDS: Final = 60.0
"""Seconds for which an answer to a question that is to come is new: a probe's longest deadline."""
_PROBLEMS: Final = {
    errno.ENOENT: "no socket {path}; is xenwatch-reader.socket running?",
    errno.ECONNREFUSED: "connection refused; is xenwatch-reader.socket running?",
    errno.EACCES: "permission denied: {path} is for its owner and root",
    errno.EAGAIN: "timed out",
    errno.ETIMEDOUT: "timed out",
}


class RemoteSource:
    """Asks the reader that listens on a socket. Thread-safe; connects when it is first needed.

    Each question has a connection to itself, which later ones use again; one that is not answered
    in time is closed. The CPU time of the reader is charged to the thread that asks.
    """

    def __init__(self, path: str = frames.SOCKET, seconds: float = ANSWER_SECONDS) -> None:
        self._path = path
        self._seconds = seconds
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._ahead = _Ahead()
        self._links = KeptLinks(lambda: cast(bytes, self._ask("links", [])))
        self.refused: dict[str, None] = {}
        """What the reader has refused to answer, as an operator would name it."""
        self.origin = Origin(READER)
        """What the reader reads, such as `host`, by name; known once it was asked."""

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        known = self._ahead.pop("read", path)
        if known is None or len(known) > limit:
            return cast(bytes, self._ask("read", [path], limit))
        return known

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        return cast(bytes, self._ask("kernel_log", [after], limit))

    def listdir(self, path: str) -> tuple[str, ...]:
        return cast(tuple[str, ...], self._ask("listdir", [path]))

    def readlink(self, path: str) -> str:
        return cast(str, self._ask("readlink", [path]))

    def certificates(self, path: str) -> bytes:
        return cast(bytes, self._ask("certificates", [path]))

    def stat(self, path: str) -> bytes:
        known = self._ahead.pop("stat", path)
        return cast(bytes, self._ask("stat", [path])) if known is None else known

    def statvfs(self, path: str) -> bytes:
        return cast(bytes, self._ask("statvfs", [path]))

    def uname(self) -> bytes:
        return cast(bytes, self._ask("uname", []))

    def adjtimex(self) -> bytes:
        return cast(bytes, self._ask("adjtimex", []))

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        return cast(CommandOutput, self._ask("run", list(argv), deadline))

    def links(self) -> bytes:
        return self._links.read()

    def taskstats(self, pids: Sequence[int]) -> bytes:
        return cast(bytes, self._ask("taskstats", list(pids)))

    def hypercall(self, call: Hypercall) -> HypercallReply:
        return self.hypercalls((call,))[0]

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        arguments = list(map(hypercall_arguments, calls))
        return cast(tuple[HypercallReply, ...], self._ask("hypercalls", arguments))

    def hypercall_batch(self, call: Hypercall, size: int) -> BatchReply:
        """See `AnswersBatches`."""
        arguments = [*hypercall_arguments(call), size]
        return cast(BatchReply, self._ask("hypercall_batch", arguments))

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        return cast(XenstoreReply, self._ask("xenstore", _request(op, payload)))

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        arguments = [_request(op, payload) for op, payload in requests]
        return cast(tuple[XenstoreReply, ...], self._ask("xenstore_control", arguments))

    def round_trip(self, target: str) -> float:
        return cast(float, self._ask("round_trip", [target]))

    def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`: a connection of its own, which ends when the reader does."""
        stream = self._events(topic)
        return self._links.followed(stream) if topic == LINKS else stream

    async def _events(self, topic: str) -> AsyncGenerator[bytes, None]:
        try:
            connection = await threads.start(self._connect, "reader-events")
        except RuntimeError as error:
            raise SourceError(frames.SUBJECT, str(error)) from error
        with contextlib.closing(connection):
            try:
                async with contextlib.aclosing(connection.follow(topic)) as items:
                    async for frame in items:
                        _, head, body = frames.parse_answer(frame)
                        if isinstance(head, SourceError):
                            raise head
                        yield answers.decode(EVENTS, head, body)
            except (OSError, FrameError, EOFError) as error:
                raise _problem(self._path, error) from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._drop_idle()

    def read_ahead(self, verb: str, paths: Sequence[str]) -> None:
        """See `ReadsAhead`. What fails is asked for again, one by one."""
        with contextlib.suppress(SourceError):
            for first in range(0, len(paths), AHEAD_MAX):
                some = paths[first : first + AHEAD_MAX]
                found = cast(Sequence[bytes | SourceError], self._ask(AHEAD, [verb, *some]))
                for each in found:
                    self._note(each)
                self._ahead.keep(verb, dict(zip(some, found, strict=False)))

    def _ask(self, verb: str, arguments: list[Any], bound: float | None = None) -> Any:
        """The answer to a question. Raises `SourceError` alone."""
        asked = frames.question(verb, arguments, bound)
        seconds = self._seconds + (bound or 0.0) if verb == "run" else self._seconds
        frame = self._exchange(asked, seconds)
        try:
            cost, head, body = frames.parse_answer(frame)
            charge(cost)
            if isinstance(head, SourceError):
                self._note(head)
                try:
                    raise head
                finally:  # it has this frame
                    del head
            return answers.decode(verb, head, body)
        except FrameError as error:
            raise _problem(self._path, error) from error

    def _exchange(self, asked: bytes, seconds: float) -> bytes:
        """Send a question and receive its answer, on a new connection where the old ones ended."""
        while True:
            connection, kept = self._take()
            try:
                frame = connection.ask(asked, seconds)
            except ConnectionError as error:
                connection.close()
                if not kept:
                    raise _problem(self._path, error) from error
                self._drop_idle()  # the reader was restarted: they have all ended
            except (OSError, FrameError) as error:
                connection.close()
                raise _problem(self._path, error) from error
            else:
                self._keep(connection)
                return frame

    def _take(self) -> tuple[_Connection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        return self._connect(), False

    def _connect(self) -> _Connection:
        try:
            connection = _Connection(self._path, self._seconds)
        except (OSError, FrameError) as error:
            raise _problem(self._path, error) from error
        self.origin = connection.origin
        return connection

    def _keep(self, connection: _Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._lock:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()

    def _note(self, answer: object) -> None:
        if isinstance(answer, frames.Refused):
            with self._lock:
                if len(self.refused) < REFUSED_MAX:
                    self.refused[answer.subject] = None

    def set_up(self) -> None:
        """Have the reader set up the histograms in tracefs. Raises `SourceError`."""
        self._ask(HISTOGRAMS, [SET_UP])

    def remove(self) -> None:
        """Have the reader remove them. Raises `SourceError`."""
        self._ask(HISTOGRAMS, [REMOVE])


_Answers = dict[tuple[str, str], tuple[float, bytes | SourceError]]


class _Ahead:
    """Answers to questions that this run of a probe is about to ask, each given once, and soon.

    They end with the run: its thread, which may be used again, has a new context for the next.
    """

    def __init__(self) -> None:
        self._answers: ContextVar[_Answers] = ContextVar("answers")

    def keep(self, verb: str, found: Mapping[str, bytes | SourceError]) -> None:
        """Add these answers by path, and drop those that nobody asked for in time."""
        now = time.monotonic()
        answers = {key: each for key, each in self._answers.get({}).items() if each[0] > now}
        answers |= {(verb, path): (now + AHEAD_SECONDS, each) for path, each in found.items()}
        self._answers.set(answers)

    def pop(self, verb: str, path: str) -> bytes | None:
        """The answer, `None` without one; an error is raised."""
        answers = self._answers.get(None)
        if not answers:
            return None
        until, found = answers.pop((verb, path), (0.0, b""))
        if time.monotonic() > until:
            return None
        if isinstance(found, SourceError):
            try:
                raise found
            finally:  # it has this frame, and with it all those that wait for it
                del found
        return found


class _Connection:
    """A connection to the reader, greeted."""

    def __init__(self, path: str, seconds: float) -> None:
        """Connect: systemd may have to start the reader first, within so many seconds.

        Raises `OSError`, `FrameError` and `SourceError`.
        """
        until = time.monotonic() + seconds
        self._socket = local.connect(path, until)
        self._seconds = 0.0
        try:
            self._wait(seconds)
            greeting = frames.receive(self._socket, ANSWER_MAX, until=until)
            self.origin = frames.parse_greeting(_there(greeting))
        except BaseException:
            self._socket.close()
            raise

    def ask(self, asked: bytes, seconds: float) -> bytes:
        """The frame of the answer. Raises `OSError` and `FrameError`."""
        self._wait(seconds)
        self._socket.sendall(asked)
        return _there(frames.receive_answer(self._socket, ANSWER_MAX, seconds))

    async def follow(self, topic: str) -> AsyncGenerator[bytes, None]:
        """The frames of the events on a topic. Raises `OSError`, `FrameError` and `EOFError`."""
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, frames.question(EVENTS, [topic]))
        reader, writer = await asyncio.open_unix_connection(sock=self._socket)
        try:
            while True:
                prefix = await reader.readexactly(frames.PREFIX)
                yield await reader.readexactly(frames.length_of(prefix, ANSWER_MAX))
        finally:
            writer.close()

    def close(self) -> None:
        self._socket.close()

    def _wait(self, seconds: float) -> None:
        """Let the kernel wait so long for the next bytes: it costs no call for each of them."""
        if seconds != self._seconds:
            timeout = local.timeval(seconds)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
            self._seconds = seconds


def _there(frame: bytes) -> bytes:
    """The frame. Raises `OSError` where there is none."""
    if not frame:
        raise ConnectionResetError(errno.ECONNRESET, "closed the connection")
    return frame


def _request(op: int, payload: bytes) -> list[Any]:
    return [op, payload.decode("latin-1")]


def _problem(path: str, error: Exception) -> SourceError:
    """What went wrong with the reader; never that what was asked for is missing."""
    if not isinstance(error, OSError) or not error.errno:
        reason = "closed the connection" if isinstance(error, EOFError) else str(error)
        return SourceError(frames.SUBJECT, reason, errno.EPROTO)
    known = _PROBLEMS.get(error.errno, os.strerror(error.errno)).format(path=path)
    found = SourceError(frames.SUBJECT, known, error.errno)
    return SourceError(frames.SUBJECT, known, errno.ECONNREFUSED) if found.missing else found
