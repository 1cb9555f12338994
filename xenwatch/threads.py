"""Work that may hang: each piece in a daemon thread of its own, which can be left behind.

An executor would not do: it has few threads, which hung reads use up, and the interpreter waits
for them at exit.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def start(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Begin `work` in a new thread called `name`; its result or exception comes by the future.

    A result nobody waits for any more (the future is cancelled, the loop closed) is dropped. When
    no thread can be had, the future holds the `RuntimeError`.
    """
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

    Raises `TimeoutError` after `seconds` and leaves the thread behind; raises `RuntimeError` when
    no thread can be had, and what `work` raises.
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
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]
