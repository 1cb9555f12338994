"""The server: a thread for each connection, which answers one question at a time.

A question that hangs in the kernel hangs its thread alone. While it does, the same question is
refused at once, so that a front that asks again does not use up the threads. While one gets on, the
front is told so.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from xenwatch import threads
from xenwatch.daemon.sd_notify import notify, watchdog_seconds
from xenwatch.reader import listener as listening
from xenwatch.reader.streams import stream
from xenwatch.reader.verbs import VERBS, Arguments, refusal
from xenwatch.reader.working import Work, Working
from xenwatch.sources import answers, frames, local
from xenwatch.sources.base import Source, SourceError, programs_time
from xenwatch.sources.frames import (
    EVENTS,
    HISTOGRAMS,
    MALFORMED,
    QUESTION_MAX,
    SET_UP,
    FrameError,
    Refused,
)
from xenwatch.sources.tracefs import PollHistograms

THREADS_MAX: Final = 96
"""Most connections: a front has one for each probe that waits, and one for each topic of events."""
HANGS: Final = 10.0
"""Seconds after which a question that does not get on hangs."""
FRAME_SECONDS: Final = 10.0
"""Seconds the other side has for the rest of a question, and to take an answer."""
QUIET: Final = 60.0
"""Seconds in which a reason for rejections is told once: whoever connects must not fill the log."""
_PAUSE: Final = 0.2
"""Seconds to wait for descriptors."""


class Server:
    """Answers what comes in on `listener` from `source`, named `serves`, until `stop`.

    `say` tells an operator; `histograms` are those of the host, `None` where the source is none.
    """

    def __init__(
        self,
        source: Source,
        listener: socket.socket,
        *,
        serves: str,
        say: Callable[[str], None],
        histograms: PollHistograms | None = None,
        threads_max: int = THREADS_MAX,
    ) -> None:
        self._source = source
        self._listener = listener
        self._say = say
        self._greeting = frames.greeting(serves, source.origin)
        self._histograms = histograms
        self._is_set_up = False
        self._threads_max = threads_max
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._asked: dict[bytes, Work] = {}
        self._working = Working()
        self._answered = 0
        self._starts = True
        self._rejected: dict[str, float] = {}
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        """Serve until `stop`; then every connection is closed, and the source."""
        seconds = watchdog_seconds()
        poll = select.poll()
        self._listener.setblocking(False)
        for descriptor in (self._listener.fileno(), self._woken):
            poll.register(descriptor, select.POLLIN)
        threading.Thread(target=self._working.run, daemon=True).start()
        notify("READY=1")
        answered = -1
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(seconds and seconds * 1000)}
            if self._woken in ready:
                break
            if self._listener.fileno() in ready:
                self._accept()
            if seconds is not None and self.progressed(answered):
                answered = self._answered
                notify("WATCHDOG=1")
        notify("STOPPING=1")
        self._close()

    def stop(self) -> None:
        """Make `run` return. A handler of a signal may call it."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"\0")

    def progressed(self, answered: int) -> bool:
        """Whether a question was answered since, or another one could be."""
        has_place = self._starts and len(self._connections) < self._threads_max
        return self._answered != answered or has_place

    def _close(self) -> None:
        self._listener.close()
        self._working.stop()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        # systemd stops reader and front at a time: the front may come too late to ask for it.
        if self._histograms is not None and self._is_set_up:
            try:
                self._histograms.remove()
            except SourceError as error:
                self._say(f"the histograms are left behind: {error}")
        self._source.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no descriptors are left
            self._say(f"a connection failed: {error}")
            time.sleep(_PAUSE)
            return
        connection.setblocking(True)
        if not listening.is_welcome(self._listener, connection):
            self._reject(connection, "permission denied: not root, nor the owner of the socket")
            return
        with self._lock:
            full = len(self._connections) >= self._threads_max
            if not full:
                self._connections.add(connection)
        if full:
            self._reject(connection, f"busy: all {self._threads_max} threads wait for an answer")
            return
        try:
            threads.run(functools.partial(self._serve, connection), "connection")
            self._starts = True
        except RuntimeError as error:
            self._starts = False
            self._forget(connection)
            self._reject(connection, f"could not start a thread: {error}")

    def _reject(self, connection: socket.socket, reason: str) -> None:
        """Say why, which a new connection has room for, and close it."""
        now = time.monotonic()
        if now - self._rejected.get(reason, -QUIET) >= QUIET:
            self._rejected[reason] = now
            self._say(f"a connection was rejected: {reason}")
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.sendall(frames.rejection(reason))

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        """Answer one connection to its end; what goes wrong ends it, and nothing else."""
        try:
            with contextlib.closing(connection):
                timeout = local.timeval(FRAME_SECONDS)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
                connection.sendall(self._greeting)
                self._converse(connection)
        except FrameError as error:
            self._say(f"a connection was closed: {error}")
        except OSError:  # the other side has gone, or takes no answer
            pass
        finally:
            self._forget(connection)

    def _converse(self, connection: socket.socket) -> None:
        cost = _cpu_time()
        while frame := frames.receive(connection, QUESTION_MAX, rest=FRAME_SECONDS):
            verb, arguments, bound = frames.parse_question(frame)
            try:
                asked = checked(verb, arguments, bound)
                if verb == EVENTS:
                    stream(connection, self._source.events(*asked))
                    return
                head, body = answers.encode(verb, self._ask(connection, frame, verb, asked))
            except SourceError as error:
                before, cost = cost, _cpu_time()
                reply = frames.failure(error, cost - before)
            else:
                before, cost = cost, _cpu_time()
                reply = frames.answer(head, body, cost - before)
            connection.sendall(reply)
            self._answered += 1

    def _ask(self, connection: socket.socket, frame: bytes, verb: str, asked: Arguments) -> Any:
        """What the source says, unless the same question hangs. Raises `SourceError` alone."""
        now = time.monotonic()
        with self._working.on(connection, now) as work:
            first = self._asked.setdefault(frame, work)  # of several at a time
            if now - first.moved > HANGS:
                reason = "an earlier question for it still hangs"
                raise SourceError(VERBS[verb].subject(asked), reason, errno.EBUSY)
            try:
                if verb == HISTOGRAMS:
                    return self._set_up(asked[0])
                return VERBS[verb].ask(self._source, asked)
            except SourceError:
                raise
            except Exception as error:
                reason = f"bug in xenwatch: {type(error).__name__}: {error}"
                raise SourceError(VERBS[verb].subject(asked), reason) from error
            finally:
                if first is work:
                    self._asked.pop(frame, None)

    def _set_up(self, what: str) -> None:
        """Set up or remove the histograms of the host; another source has none."""
        if self._histograms is None:
            return
        if what == SET_UP:
            self._is_set_up = True
            self._histograms.set_up()
        else:
            self._histograms.remove()
            self._is_set_up = False


def checked(verb: str, arguments: list[Any], bound: Any) -> Arguments:
    """The arguments for the source. Raises `Refused`, and `FrameError` for those of no verb."""
    if verb not in VERBS:
        raise Refused(f"verb {verb:.40}", "unknown to this reader", errno.ENOSYS)
    try:
        asked = VERBS[verb].take(arguments, bound)
    except MALFORMED as error:
        raise FrameError(f"{verb} with arguments of unknown form") from error
    if not VERBS[verb].allowed(asked):
        raise refusal(VERBS[verb].subject(asked))
    return asked


def _cpu_time() -> float:
    """CPU seconds of this thread and of the programs it has run."""
    return time.thread_time() + programs_time()
