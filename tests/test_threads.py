"""Threads that may be left behind."""

from __future__ import annotations

import asyncio
import contextvars
import functools
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
    begun, release, found = threading.Event(), threading.Event(), []

    def work() -> int:
        found.append(threading.current_thread())
        begun.set()
        release.wait()
        return 7

    future = threads.start(work, "work")
    await asyncio.to_thread(begun.wait)
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


@pytest.fixture
def pool() -> None:
    """Four threads that wait."""
    threads.keep(4)


@pytest.fixture
def no_more(pool: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The kernel gives no more threads for as long as this list has an item."""
    refuses, start = [1], threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if refuses:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    return refuses


async def one_waits() -> None:
    """Wait until a thread is idle; it gives its result just before that."""
    while not threads._POOL._waiting:
        await settle()


async def test_work_is_done_where_no_thread_can_be_started(no_more: list[int]) -> None:
    """The threads that wait do one work after another, each in a context of its own."""
    context = contextvars.ContextVar("context", default=0)

    def work() -> tuple[int, int]:
        before = context.get()
        context.set(1)
        return before, threading.get_native_id()

    found = []
    for _ in range(20):
        await one_waits()
        found.append(await threads.start(work, "work"))
    assert {before for before, _ in found} == {0}
    assert len({thread for _, thread in found}) <= 4


async def test_a_thread_that_hangs_is_replaced_once_there_can_be_one(no_more: list[int]) -> None:
    """Without one the rest of the pool works, and then work fails; later all is well again."""
    release = threading.Event()
    hanging = [threads.start(release.wait, "hangs") for _ in range(3)]
    for _ in range(5):
        assert await threads.start(lambda: 7, "work") == 7
        await one_waits()
    hanging.append(threads.start(release.wait, "hangs"))
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await threads.start(lambda: 7, "work")
    no_more.clear()
    assert await threads.start(lambda: 7, "work") == 7
    await one_waits()
    hanging += [threads.start(release.wait, "hangs") for _ in range(3)]
    no_more.append(1)
    await one_waits()
    assert await threads.start(lambda: 7, "work") == 7
    release.set()
    await asyncio.gather(*hanging)


async def test_a_thread_used_again_says_what_it_has_spent(no_more: list[int]) -> None:
    """Work is judged by its own CPU time, not by that of the work before in the same thread."""
    spent: dict[int | None, float] = {}
    for _ in range(12):
        await one_waits()
        started = threads.launch(lambda: sum(range(100_000)), "work")
        assert started.spent >= spent.get(started.thread, 0.0)
        await started.future
        spent[started.thread] = started.spent + 1e-9
    assert len(spent) < 12


async def test_a_lane_does_one_work_at_a_time_in_the_order_of_asking() -> None:
    """All are done by one thread; what nobody waits for any more is left out."""
    lane, done, release = threads.Lane("lane"), list[int](), threading.Event()
    first = lane.start(release.wait)
    futures = [lane.start(functools.partial(done.append, number)) for number in range(5)]
    futures.pop(2).cancel()
    release.set()
    await asyncio.gather(first, *futures)
    assert done == [0, 1, 3, 4]
    with pytest.raises(ZeroDivisionError):
        await lane.start(lambda: 1 // 0)


async def test_a_lane_without_a_thread_fails_and_is_tried_again(no_more: list[int]) -> None:
    """Work of a lane that cannot begin has the reason, and later work is done."""
    lane = threads.Lane("lane")
    with pytest.raises(RuntimeError, match="can't start new thread"):
        await lane.start(lambda: 7)
    no_more.clear()
    assert await lane.start(lambda: 7) == 7
