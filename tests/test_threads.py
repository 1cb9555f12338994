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
