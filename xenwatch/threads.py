"""Calls that may hang, each in its own daemon thread, which can be abandoned.

Not an executor: hung reads would exhaust its few threads, and the interpreter waits for them at
exit.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def start(work: Callable[[], T], name: str) -> asyncio.Future[T]:
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

    try:
        threading.Thread(target=body, name=name, daemon=True).start()
    except RuntimeError as error:
        future.set_exception(error)
    return future


def bounded(work: Callable[[], T], seconds: float, name: str) -> T:
    """The result of `work`, for callers without an event loop.

    Raises `TimeoutError` after `seconds` and abandons the thread; raises `RuntimeError` when
    no thread can be started, and what `work` raises.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"timed out after {seconds:g} s")
    return results[0]


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
