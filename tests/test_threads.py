"""Threads that may be left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.fake_clock import settle
from xenwatch import threads


async def test_results_and_exceptions_arrive() -> None:
    """The future gets what the work returned or raised."""
    assert await threads.start(lambda: 7, "work") == 7
    with pytest.raises(ZeroDivisionError):
        await threads.start(lambda: 1 // 0, "work")


async def test_a_thread_left_behind_is_a_daemon() -> None:
    """Work that hangs runs in a daemon thread of that name, and its late result is dropped."""
    release, found = threading.Event(), []

    def work() -> int:
        found.append(threading.current_thread())
        release.wait()
        return 7

    future = threads.start(work, "work")
    await settle()
    future.cancel()
    release.set()
    found[0].join()
    await settle()

    assert future.cancelled()
    assert found[0].daemon
    assert found[0].name == "work"


def test_a_result_after_the_loop_is_dropped(
    recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that ends after its event loop was closed raises nothing."""
    release = threading.Event()
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    found: list[threading.Thread] = []

    async def leave() -> None:
        def work() -> None:
            found.append(threading.current_thread())
            begun.set()
            release.wait()

        begun = threading.Event()
        threads.start(work, "work")
        begun.wait()

    asyncio.run(leave())
    release.set()
    found[0].join()

    assert raised == []
    assert not recwarn.list


def test_bounded_work_has_a_deadline() -> None:
    """Without an event loop, work is waited for until its deadline and no longer."""
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"timed out after 0\.01 s"):
        threads.bounded(release.wait, 0.01, "work")
    release.set()

    assert threads.bounded(lambda: 7, 30, "work") == 7
    with pytest.raises(ZeroDivisionError):
        threads.bounded(lambda: 1 // 0, 30, "work")


def test_one_call_of_a_key_hangs_at_a_time() -> None:
    """While a call hangs others of its key fail at once, and are made again after its end."""
    calls, release = threads.OneAtATime(0.01), threading.Event()
    for key in ("dead", "gone"):
        with pytest.raises(TimeoutError, match=r"timed out after 0\.01 s"):
            calls.call(key, release.wait)
    calls.seconds = 30
    with pytest.raises(TimeoutError, match="an earlier call still hangs"):
        calls.call("dead", lambda: 7)
    assert calls.call("well", lambda: 7) == 7

    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("call "):
            thread.join()
    assert calls.call("dead", lambda: 7) == 7


def test_an_error_of_a_call_is_no_hang() -> None:
    """A call that ends with a time-out of its own may be made again at once."""
    calls = threads.OneAtATime(30)

    def late() -> None:
        raise TimeoutError(110, "Connection timed out")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="Connection timed out"):
            calls.call("dead", late)
