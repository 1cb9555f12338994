"""QEMUs that are counted whole: the same numbers as thread by thread, with less to read."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.probes.counting import INTERVAL_US, Kernel
from tests.probes.support import FakeHost
from tests.probes.test_qemu import PID, only, passed, qemus
from xenwatch.probes.base import Pass
from xenwatch.probes.counters import KTHREADD
from xenwatch.probes.qemu import SETTLED

KERNELS = pytest.mark.parametrize("corrected", [False, True], ids=["Linux 4.19", "corrected"])


def is_whole(known: Pass) -> bool:
    """Whether the one QEMU is counted whole."""
    memory = cast(Any, known.memories["qemus"])
    assert len(memory.tracked) == 1
    return bool(memory.whole)


def settled(kernel: Kernel) -> Pass:
    """What is known once the QEMU is counted whole."""
    known = None
    for _ in range(SETTLED + 1):
        kernel.now_us += INTERVAL_US
        known = passed(kernel.host(), known)
    assert known is not None
    assert is_whole(known)
    return known


def its_files(source: FakeHost) -> list[str]:
    """What was asked for below the QEMU's directory."""
    return [path for path in source.asked if str(path).startswith(f"/proc/{PID}/")]


@KERNELS
def test_a_settled_qemu_is_one_message(corrected: bool) -> None:
    """Once its threads have stayed the same no file of it is read, awake or asleep."""
    kernel = Kernel(corrected)
    known = settled(kernel)
    before = only(known)
    kernel.threads[PID].wake(30)
    kernel.threads[PID + 1].wake(2)
    kernel.now_us += INTERVAL_US
    awake = kernel.host()

    after = only(passed(awake, known))

    assert its_files(awake) == []
    assert after.wakeups == before.wakeups + 32
    assert after.wait_seconds == pytest.approx((before.wait_seconds or 0) + 96e-6)
    assert after.cpu_seconds == pytest.approx(before.cpu_seconds + 1.6e-3)
    assert (after.threads, after.start_ticks) == (before.threads, before.start_ticks)


def test_a_qemu_that_runs_all_the_time_is_read() -> None:
    """Counters that change while the threads are read do not belong to what is read."""
    kernel, known = Kernel(corrected=False), None
    for _ in range(SETTLED + 3):
        kernel.now_us += INTERVAL_US
        known = passed(Restless(kernel), known)

    assert known is not None
    assert not is_whole(known)


class Restless(FakeHost):
    """A dom0 whose QEMU wakes up whenever something is asked."""

    def __init__(self, kernel: Kernel) -> None:
        source = kernel.host()
        super().__init__(source.files, source.directories, calls=source.calls)
        self._kernel = kernel

    def taskstats(self, pids: Any) -> bytes:
        """The counters after one more wakeup."""
        self._kernel.threads[PID].wake(1)
        self.counters = self._kernel.host().counters
        return super().taskstats(pids)


def test_one_that_always_runs_takes_no_others_turn() -> None:
    """A QEMU that did not sleep while it was read is tried again some passes later."""
    kernel, known = Kernel(corrected=False), None
    tried = []
    for number in range(3 * SETTLED):
        kernel.now_us += INTERVAL_US
        source = Restless(kernel)
        known = passed(source, known)
        if any(isinstance(each, tuple) for each in source.asked):
            tried.append(number)

    assert tried == [SETTLED, 2 * SETTLED]


def test_without_taskstats_one_question_a_pass_is_asked() -> None:
    """Where the kernel does not answer everything is read as ever, and the kernel asked again."""
    kernel, known = Kernel(corrected=False), None
    for _ in range(SETTLED + 3):
        kernel.now_us += INTERVAL_US
        kernel.threads[PID].wake(5)
        source = kernel.host(counts=False)
        known = passed(source, known)

    questions = [each for each in source.asked if isinstance(each, tuple)]
    assert questions == [("taskstats", KTHREADD, PID, KTHREADD)]
    assert only(known or Pass()).wakeups == 2 + 5 * (SETTLED + 3)


@KERNELS
def test_a_thread_that_comes_and_goes_costs_no_wakeup(corrected: bool) -> None:
    """A thread that begins has the QEMU read thread by thread until it has ended for a while."""
    kernel = Kernel(corrected)
    known = settled(kernel)
    before = only(known).wakeups
    kernel.begin()
    for _ in range(3):
        kernel.now_us += INTERVAL_US
        for thread in kernel.threads.values():
            thread.wake(10)
        known = passed(kernel.host(), known)
        assert not is_whole(known)
    kernel.end(max(kernel.threads))
    for _ in range(SETTLED + 2):
        kernel.now_us += INTERVAL_US
        known = passed(kernel.host(), known)

    assert only(known).wakeups == before + 3 * 30 + 2
    assert is_whole(known)


@KERNELS
def test_the_end_of_an_old_thread_is_no_fall(corrected: bool) -> None:
    """A thread that ends after a million counted wakeups takes none of them away."""
    kernel = Kernel(corrected)
    known = settled(kernel)
    for _ in range(4):
        kernel.now_us += INTERVAL_US
        kernel.threads[PID + 1].wake(1000)
        known = passed(kernel.host(), known)
    before = only(known)
    kernel.threads[PID].wake(7)
    kernel.end(PID + 1)
    kernel.now_us += INTERVAL_US

    known = passed(kernel.host(), known)

    after = only(known)
    assert before.wakeups <= after.wakeups <= before.wakeups + 7
    assert after.threads == (PID,)
    assert (after.wait_seconds or 0) >= (before.wait_seconds or 0)
    kernel.threads[PID].wake(100)
    assert only(passed(kernel.host(), known)).wakeups == after.wakeups + 100


@KERNELS
def test_a_thread_that_counts_twice_is_no_jump(corrected: bool) -> None:
    """Between its last account and its end a thread's hours are in the kernel's sums twice."""
    kernel = Kernel(corrected)
    kernel.threads[PID + 1].waited_ns = kernel.threads[PID + 1].ran_ns = 3600 * 10**9
    known = settled(kernel)
    before = only(known)
    kernel.now_us += INTERVAL_US
    source = kernel.host()
    once = source.counters[PID]
    twice = once._replace(cpu_ns=once.cpu_ns * 2, wait_ns=once.wait_ns * 2)
    source.counters = {**source.counters, PID: twice}

    after = only(passed(source, known))

    assert after == before


@KERNELS
def test_a_reused_number_is_no_jump(corrected: bool) -> None:
    """Another process with the number, as many threads and higher counters is not the QEMU."""
    kernel = Kernel(corrected)
    known = settled(kernel)
    kernel.now_us += INTERVAL_US
    kernel.exec()

    assert qemus(passed(kernel.host(), known)).by_domid == {}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "begin", "end"]),
        st.lists(st.integers(0, 50), min_size=1, max_size=3),
    ),
    max_size=3 * SETTLED,
)


@settings(deadline=None, max_examples=60)
@given(corrected=st.booleans(), steps=STEPS)
def test_both_ways_tell_the_same(corrected: bool, steps: list[tuple[str, list[int]]]) -> None:
    """With taskstats the counters never fall, and are those of a host without.

    What an old thread has done since it was read is lost with it only where the kernel forgets it.
    """
    kernel = Kernel(corrected)
    counted = read = None
    ended, last = False, 0
    for what, wakeups in [("", [1])] * (SETTLED + 1) + steps:
        kernel.now_us += INTERVAL_US
        if what == "begin":
            kernel.begin()
        elif what == "end" and len(kernel.threads) > 1:
            kernel.end(max(kernel.threads))
            ended = True
        for tid, times in zip(sorted(kernel.threads), wakeups, strict=False):
            kernel.threads[tid].wake(times)
        counted = passed(kernel.host(), counted)
        read = passed(kernel.host(counts=False), read)

        its, by_hand = only(counted), only(read)
        assert last <= its.wakeups <= by_hand.wakeups
        assert its.wakeups == by_hand.wakeups or ended
        assert its.cpu_seconds == pytest.approx(by_hand.cpu_seconds, abs=0.011)
        if not ended:
            assert its.wait_seconds == pytest.approx(by_hand.wait_seconds, abs=2e-9)
            assert its.threads == by_hand.threads
        last = its.wakeups
