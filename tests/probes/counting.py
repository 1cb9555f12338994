"""A process as the kernel counts it: the same threads as files in /proc and as taskstats."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.probes.support import FakeHost
from tests.probes.test_qemu import PID, Process, host
from xenwatch.model.render.process import render_schedstat
from xenwatch.parse.process import Schedstat
from xenwatch.parse.taskstats import Counters
from xenwatch.probes.counters import KTHREADD

INTERVAL_US = 10_000_000
"""Between two passes."""
BOOTED_US = 500_000_000
TICK_NS = 10_000_000


@dataclass(slots=True)
class Thread:
    """A thread: when it began, its voluntary switches, how long it waited and ran."""

    began_us: int
    switches: int = 1
    waited_ns: int = 1
    ran_ns: int = 1

    def wake(self, times: int) -> None:
        """Have it run that often."""
        self.switches += times
        self.waited_ns += 3_000 * times
        self.ran_ns += 50_000 * times


@dataclass(slots=True)
class Kernel:
    """A QEMU of two threads and the clock; `corrected` kernels keep all numbers of ended threads.

    `start` is the start time of the process in ticks.
    """

    corrected: bool
    now_us: int = BOOTED_US
    start: int = 4000
    threads: dict[int, Thread] = field(
        default_factory=lambda: {PID: Thread(40_000_000), PID + 1: Thread(41_000_000)}
    )
    ended: list[tuple[int, Thread]] = field(default_factory=list)

    def begin(self) -> None:
        """Have the first thread start another one, a moment ago."""
        self.threads[PID].wake(1)
        self.threads[PID + len(self.threads) + len(self.ended)] = Thread(self.now_us - 5_000)

    def end(self, tid: int) -> None:
        """End a thread."""
        self.ended.append((self.now_us, self.threads.pop(tid)))

    def exec(self) -> None:
        """Give the number of the process to another one, which has done more than it had."""
        self.threads = {tid: Thread(self.now_us - 1_000_000) for tid in self.threads}
        self.ended, self.start = [], self.now_us // 10_000
        for thread in self.threads.values():
            thread.wake(5_000)

    def counters(self) -> Counters:
        """What taskstats tells of the process (kernel/taskstats.c)."""
        alive = list(self.threads.values())
        gone = [thread for _, thread in self.ended]
        kept = self.ended if self.corrected else []
        return Counters(
            sum(thread.switches for thread in alive + gone),
            sum(thread.waited_ns for thread in alive + gone),
            sum(thread.ran_ns for thread in alive + gone),
            sum(self.now_us - thread.began_us for thread in alive)
            + sum(at_us - thread.began_us for at_us, thread in kept),
            sum(thread.switches for thread in alive) + sum(gone.switches for _, gone in kept),
        )

    def host(self, *, counts: bool = True) -> FakeHost:
        """The dom0 as it is now, whose kernel has taskstats or not."""
        threads = {
            tid: (
                render_schedstat(Schedstat(thread.ran_ns, thread.waited_ns, thread.switches)),
                thread.switches,
            )
            for tid, thread in self.threads.items()
        }
        ran_ns = self.counters().cpu_ns
        found = host([Process(threads=threads, ticks=50 + ran_ns // TICK_NS, start=self.start)])
        if counts:
            clock = Counters(1, 0, 0, self.now_us, 1)
            found.counters = {KTHREADD: clock, PID: self.counters()}
        return found
