"""Signs of threads as the kernel gives them, and what work makes of its deadline."""

from __future__ import annotations

import threading
import time

import pytest

from tests.fake_clock import START
from xenwatch.progress import LATE_MAX, Course, Sign, Standing, look

pytestmark = pytest.mark.no_cover


def test_a_thread_that_computes_gets_on() -> None:
    """Its CPU clock is that of the thread itself, and it runs."""
    before, number = look(threading.get_native_id()), threading.get_native_id()
    while time.thread_time() < (before.cpu_seconds if before else 0.0) + 0.001:
        pass
    now = look(number)

    assert before is not None
    assert now is not None
    assert before.cpu_seconds + 0.001 <= now.cpu_seconds <= time.thread_time()
    assert now.runnable


def test_a_thread_that_waits_stands_still() -> None:
    """In the end it is not runnable, and has the CPU time that it had."""
    release, began = threading.Event(), threading.Event()
    numbers: list[int] = []

    def wait() -> None:
        numbers.append(threading.get_native_id())
        began.set()
        release.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    began.wait()
    while (before := look(numbers[0])) is None or before.runnable or look(numbers[0]) != before:
        pass
    release.set()
    thread.join()


def test_a_thread_that_has_ended_has_no_sign() -> None:
    """Nor has one that was never started."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    while look(thread.native_id) is not None:  # it ends a moment after it was joined
        pass

    assert look(None) is None


@pytest.mark.parametrize("began", [0.0, START])
@pytest.mark.parametrize(
    ("looks", "standing"),
    [
        ([(4.9, Sign(0.0))], Standing.IN_TIME),
        ([(5.0, Sign(0.0))], Standing.HUNG),
        ([(5.0, None)], Standing.HUNG),
        ([(2.4, Sign(0.1)), (5.0, Sign(0.1))], Standing.HUNG),
        ([(2.6, Sign(0.1)), (5.0, Sign(0.1))], Standing.LATE),
        ([(2.6, Sign(0.1)), (5.0, Sign(0.1)), (5.2, Sign(0.1))], Standing.HUNG),
        ([(2.6, Sign(0.1)), (5.0, Sign(0.1)), (5.1, Sign(0.2)), (7.0, Sign(0.2))], Standing.LATE),
        ([(5.0, Sign(0.0, runnable=True))], Standing.LATE),
        ([(1.0, Sign(0.0, runnable=True)), (60.0, Sign(5.0))], Standing.ENDLESS),
        ([(LATE_MAX - 1, Sign(0.0, runnable=True))], Standing.LATE),
        ([(LATE_MAX, Sign(0.0, runnable=True))], Standing.STARVED),
        ([(5.0, Sign(0.0)), (6.0, Sign(1.0))], Standing.HUNG),
    ],
)
def test_what_a_deadline_means(
    began: float, looks: list[tuple[float, Sign | None]], standing: Standing
) -> None:
    """Of work with five seconds, by looks at its thread; what was given up stays so."""
    course = Course(5.0, began)
    for at, sign in looks:
        course.add(began + at, sign)

    assert course.standing is standing
    assert course.is_given_up is (standing not in (Standing.IN_TIME, Standing.LATE))


def test_no_look_is_later_than_the_deadline() -> None:
    """The pause before the look that decides ends at the deadline."""
    course = Course(5.0, 10.0)

    assert course.pause(10.0, 1.0) == 1.0
    assert course.pause(14.75, 1.0) == 0.25
    assert course.pause(15.0, 1.0) == 1.0
