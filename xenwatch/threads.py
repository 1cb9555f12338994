"""Calls that may hang, each in its own daemon thread, which can be abandoned.

Not an executor: hung reads would exhaust its few threads, and the interpreter waits for them at
exit.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Started(Generic[T]):
    """Work in a thread of its own: its result, and the thread's number (gettid(2))."""

    future: asyncio.Future[T]
    thread: int | None = None


def launch(work: Callable[[], T], name: str) -> Started[T]:
    """Run `work` in a new thread called `name`; its result or exception is set on the future.

    The result is dropped if the future was cancelled or the loop closed. If no thread can be
    started, the future holds the `RuntimeError`.
    """
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

    thread = threading.Thread(target=body, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        future.set_exception(error)
    return Started(future, thread.native_id)


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
