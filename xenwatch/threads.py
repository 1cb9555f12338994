"""Calls that may hang, each in a daemon thread, which can be abandoned; and lanes for the others.

Not an executor: hung reads would exhaust its few threads, and the interpreter waits for them at
exit. A daemon keeps some threads for the time when the host has none left.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from xenwatch.values import dataclass

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


KEPT: Final = 8
"""Threads that wait for the next work in a daemon: more than probes and files need at a time."""
SPARE: Final = KEPT // 2
"""With fewer that wait, others hang or work long: one more is started, if there can be one."""


_Work = tuple[str, Callable[[], None]]
"""The name of the thread meanwhile, and what it does."""


class _Worker:
    """A thread that does one work after another; `spent` is its CPU time before the latest.

    Each work has a context of its own, `first` too, if there is one. Raises `RuntimeError` when no
    thread can be started.
    """

    def __init__(self, is_kept: Callable[[_Worker], bool], first: _Work | None = None) -> None:
        self.spent = 0.0
        self._is_kept = is_kept
        self._works: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        name = first[0] if first else "waiting"
        self.thread = threading.Thread(target=self._run, args=[first], name=name, daemon=True)
        self.thread.start()

    def put(self, name: str, work: Callable[[], None]) -> None:
        """Do the work next."""
        self._works.put((name, work))

    def _run(self, first: _Work | None) -> None:
        todo = first
        while True:
            self.thread.name, work = todo or self._works.get()
            contextvars.Context().run(work)
            todo = first = None  # with what it refers to
            del work
            self.spent = time.thread_time()
            if not self._is_kept(self):
                return


class _Pool:
    """Threads that are there before they are needed, so that work is done where none can be had.

    One that hangs is left behind, and replaced by a new one as soon as there can be one.
    """

    def __init__(self) -> None:
        self._kept = 0
        self._waiting: list[_Worker] = []
        self._lock = threading.Lock()

    def keep(self, number: int) -> None:
        """Have so many threads wait from now on, or as many as there can be."""
        self._kept = number
        with contextlib.suppress(RuntimeError), self._lock:
            while len(self._waiting) < number:
                self._waiting.append(_Worker(self._is_kept))

    def run(self, work: Callable[[], None], name: str) -> _Worker:
        """Have a thread do the work, a new one if none waits.

        Raises `RuntimeError` if there cannot be one.
        """
        with self._lock:
            worker = self._waiting.pop() if self._waiting else None
        if worker is None:
            return _Worker(self._is_kept, (name, work))
        if len(self._waiting) < min(SPARE, self._kept):
            with contextlib.suppress(RuntimeError):
                spare = _Worker(self._is_kept)
                with self._lock:
                    self._waiting.append(spare)
        worker.put(name, work)
        return worker

    def _is_kept(self, worker: _Worker) -> bool:
        """Whether a thread whose work is done waits for the next."""
        with self._lock:
            kept = len(self._waiting) < self._kept
            if kept:
                self._waiting.append(worker)
        return kept


_POOL: Final = _Pool()


def run(work: Callable[[], None], name: str) -> None:
    """Run `work` in a thread called `name`. Raises `RuntimeError` if there cannot be one."""
    _POOL.run(work, name)


class Lane:
    """A thread of its own for what computes and cannot hang: one at a time, in order of asking."""

    _all: ClassVar[list[Lane]] = []
    _are_open: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._worker: _Worker | None = None
        self._lock = threading.Lock()
        self._all.append(self)
        if self._are_open:
            with contextlib.suppress(RuntimeError):
                self.open()

    def open(self) -> _Worker:
        """Have the thread, from the first call on. Raises `RuntimeError` if there cannot be one."""
        with self._lock:
            if self._worker is None:
                self._worker = _Worker(lambda _: True)
            return self._worker

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Its result or exception; see `launch`. Work that nobody awaits any more is left out."""
        future, body = _promised(work)
        try:
            self.open().put(self._name, lambda: None if future.cancelled() else body())
        except RuntimeError as error:
            future.set_exception(error)
        return future

    @classmethod
    def open_all(cls) -> None:
        """Have the threads of all, those that come later too, as far as there can be more."""
        cls._are_open = True
        with contextlib.suppress(RuntimeError):
            for lane in cls._all:
                lane.open()


def keep(number: int = KEPT) -> None:
    """Have the threads of all lanes, and so many that wait, from the start of a daemon on.

    Where there cannot be as many now, the others are started later.
    """
    Lane.open_all()
    _POOL.keep(number)


@dataclass(frozen=True, slots=True)
class Started(Generic[T]):
    """Work in a thread: its result, the thread's number (gettid(2)), its CPU seconds before."""

    future: asyncio.Future[T]
    thread: int | None = None
    spent: float = 0.0


def launch(work: Callable[[], T], name: str) -> Started[T]:
    """Run `work` in a thread called `name`; its result or exception is set on the future.

    The result is dropped if the future was cancelled or the loop closed. If no thread can be
    started, the future holds the `RuntimeError`.
    """
    future, body = _promised(work)
    try:
        worker = _POOL.run(body, name)
    except RuntimeError as error:
        future.set_exception(error)
        return Started(future)
    return Started(future, worker.thread.native_id, worker.spent)


def _promised(work: Callable[[], T]) -> tuple[asyncio.Future[T], Callable[[], None]]:
    """A future of this loop, and what sets it from any thread to what `work` returns or raises."""
    import asyncio  # noqa: PLC0415 - commands that ask a daemon want none of it

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(deliver: Callable[[], None]) -> None:
        if not future.done():
            deliver()

    def body() -> None:
        try:
            deliver = functools.partial(future.set_result, work())
        except BaseException as error:  # noqa: BLE001 - whoever awaits the future gets it
            deliver = functools.partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, deliver)

    return future, body


def start(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """The result of `launch`, for callers that do not follow the thread."""
    return launch(work, name).future


class Call(Generic[T]):
    """Work in a thread of its own, for callers without an event loop.

    `thread` is its number (gettid(2)). Raises `RuntimeError` when no thread can be started.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._body, name=name, daemon=True)
        self._thread.start()
        self.thread = self._thread.native_id

    def _body(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._errors.append(error)

    def is_done(self, seconds: float) -> bool:
        """Whether it is done after at most so many seconds."""
        self._thread.join(seconds)
        return bool(self._results or self._errors)

    def result(self) -> T:
        """The result, once it is done. Raises what the work raised."""
        if self._errors:
            raise self._errors[0]
        return self._results[0]


def bounded(work: Callable[[], T], seconds: float, name: str) -> T:
    """The result of `work`, for callers without an event loop.

    Raises `TimeoutError` after `seconds` and abandons the thread; raises `RuntimeError` when
    no thread can be started, and what `work` raises.
    """
    call = Call(work, name)
    if not call.is_done(seconds):
        raise TimeoutError(f"timed out after {seconds:g} s")
    return call.result()


class OneAtATime:
    """Calls that may hang, each waited for `seconds`; while one of a key hangs no other starts.

    A file server that is gone costs one thread for each key, however often it is tried.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._hanging: set[str] = set()
        self._lock = threading.Lock()

    def call(self, key: str, work: Callable[[], T]) -> T:
        """The result of `work`.

        Raises `TimeoutError` after the seconds, and at once while an earlier call of this key
        hangs; raises `RuntimeError` when no thread can be started, and what `work` raises.
        """
        ended = threading.Event()

        def body() -> T:
            try:
                return work()
            finally:
                with self._lock:
                    ended.set()
                    self._hanging.discard(key)

        with self._lock:
            if key in self._hanging:
                raise TimeoutError("an earlier call still hangs")
        try:
            return bounded(body, self.seconds, f"call {key}")
        except TimeoutError:
            with self._lock:
                if not ended.is_set():
                    self._hanging.add(key)
            raise
