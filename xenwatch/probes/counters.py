"""Counters of processes from one message each, and whether they are still of the same threads.

A message has no start time and no number of threads. It has the sum of the ages of the threads,
which between two messages grows by the time that has passed for each thread, unless one has begun
or ended; and a process that began later has younger threads. The clock is the age of kthreadd,
asked for before and after the processes: the time at which each was counted lies between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.parse.taskstats import Counters, parse_taskstats
from xenwatch.sources.base import TASKSTATS_MAX, Source, SourceError

KTHREADD: Final = 2
"""The kernel's second process: it has one thread and never ends."""
_ROUNDING_US: Final = 2
"""Of each thread's age and of the clock's."""
_TICK_US: Final = 20_000
"""What a running thread has run is added up at each tick: 100 a second at least."""


Counted = tuple[Counters, int, int]
"""A process's counters, the clock in microseconds, and up to how long after that they were taken.

A tuple, since a pass makes thousands.
"""


def read_counters(source: Source, pids: Sequence[int]) -> Mapping[int, Counted]:
    """The counters by process id. Raises `ParseError`.

    Without those that do not exist, and those of which the kernel keeps no delays or no ages; none
    where it does not answer: Linux before 4.19, no taskstats, no CAP_NET_ADMIN, or a capture.
    """
    found: dict[int, Counted] = {}
    for first in range(0, len(pids), TASKSTATS_MAX - 2):
        some = pids[first : first + TASKSTATS_MAX - 2]
        try:
            answer = parse_taskstats(source.taskstats((KTHREADD, *some, KTHREADD)))
        except SourceError:
            return {}
        if len(answer) < 2 or not answer[0][0] == answer[-1][0] == KTHREADD:
            return {}
        clock_us = answer[0][1].age_us
        late_us = answer[-1][1].age_us - clock_us
        if clock_us:
            for pid, counters in answer[1:-1]:
                if counters.timeslices:
                    found[pid] = counters, clock_us, late_us
    return found


def growth(then: Counted, now: Counted, threads: int) -> tuple[int, int, int] | None:
    """By how much the switches, the time waited and the time run have grown, in nanoseconds.

    `None` unless `now` is of the process of `then`, with the same threads, and has no jump: the
    kernel counts a thread that is about to end twice for a moment, which is more than the threads
    can have run and waited.
    """
    (_, waited, ran, age, switches), then_us, then_late_us = then
    (_, waited_now, ran_now, age_now, switches_now), now_us, late_us = now
    passed_us = now_us - then_us
    excess_us = age_now - age - threads * passed_us
    slept, waited_ns, ran_ns = switches_now - switches, waited_now - waited, ran_now - ran
    if (
        -threads * (then_late_us + _ROUNDING_US) <= excess_us <= threads * (late_us + _ROUNDING_US)
        and slept >= 0
        and waited_ns >= 0
        and ran_ns >= 0
        and waited_ns + ran_ns <= threads * (passed_us + late_us + _TICK_US) * 1000
    ):
        return slept, waited_ns, ran_ns
    return None
