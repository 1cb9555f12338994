"""Tells a front that waits for an answer that its question is worked on, however slowly."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from xenwatch import progress
from xenwatch.progress import Sign
from xenwatch.sources import frames
from xenwatch.values import dataclass

EVERY: Final = 1.0
"""Seconds between two looks: less than half of a probe's deadline, after which it hangs."""


@dataclass(slots=True)
class Work:
    """A question that a thread works on. `moved` is when it last got on (monotonic)."""

    connection: socket.socket
    thread: int
    moved: float
    cpu_seconds: float


class Working:
    """The questions that are worked on; `look` gives the sign of a thread."""

    def __init__(self, look: Callable[[int | None], Sign | None] = progress.look) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._works: dict[int, Work] = {}
        self._any = threading.Event()
        self._over = threading.Event()

    @contextlib.contextmanager
    def on(self, connection: socket.socket, now: float) -> Iterator[Work]:
        """A question of a connection, worked on by this thread: nothing is told after the block."""
        work = Work(connection, threading.get_native_id(), now, time.thread_time())
        with self._lock:
            self._works[work.thread] = work
            self._any.set()
        try:
            yield work
        finally:
            with self._lock:
                del self._works[work.thread]

    def run(self) -> None:
        """Tell, at intervals while there are questions, until `stop`."""
        while self._any.wait() and not self._over.wait(EVERY):
            self.tell(time.monotonic())

    def stop(self) -> None:
        """Make `run` return."""
        self._over.set()
        self._any.set()

    def tell(self, now: float) -> None:
        """Tell those whose question has got on since the last look."""
        with self._lock:
            for work in self._works.values():
                sign = self._look(work.thread)
                if sign is None or not (sign.runnable or sign.cpu_seconds > work.cpu_seconds):
                    continue
                work.cpu_seconds, work.moved = sign.cpu_seconds, now
                with contextlib.suppress(OSError):  # a front that takes nothing has enough to read
                    work.connection.send(frames.WORKING, socket.MSG_DONTWAIT)
            if not self._works and not self._over.is_set():
                self._any.clear()
