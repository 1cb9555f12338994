"""Counters of processes from one message each, and whether they are still of the same threads.

A message has no start time and no number of threads. It has the sum of the ages of the threads,
which between two messages grows by the time that has passed for each thread, unless one has begun
or ended; and a process that began later has younger threads. The clock is the age of kthreadd,
asked for before and after the processes: the time at which each was counted lies between.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Final, NamedTuple

from xenwatch.parse.taskstats import Columns, Counters, parse_taskstats
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


class Table(NamedTuple):
    """`Counted` of processes by column, the first of which are those of `Columns`."""

    pids: array[int]
    timeslices: array[int]
    wait_ns: array[int]
    cpu_ns: array[int]
    age_us: array[int]
    switches: array[int]
    clock_us: array[int]
    late_us: array[int]

    def of(self, pids: Iterable[int], more: Mapping[int, Counted]) -> Table:
        """Those of these processes that are among the others, or else in this table."""
        rows = {row[0]: row for row in zip(*self, strict=True)}
        rows |= {pid: (pid, *each[0], *each[1:]) for pid, each in more.items()}
        return _table(rows[pid] for pid in pids if pid in rows)

    def packed(self) -> tuple[bytes, ...]:
        """As a memory can have it, for `unpacked`."""
        return tuple(column.tobytes() for column in self)


_TYPES: Final = "I" + "Q" * (len(Table._fields) - 1)
"""The type codes of the columns."""


def _table(rows: Iterable[tuple[int, ...]]) -> Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(Table._fields)
    return unpacked(columns)


def unpacked(columns: Iterable[Iterable[int]]) -> Table:
    """A table of its columns, packed or not."""
    return Table(*map(array, _TYPES, columns))


NOBODY: Final = _table(())


def read_table(source: Source, pids: Sequence[int]) -> Table:
    """The counters of these processes in their order. Raises `ParseError`.

    Without those that do not exist, and those of which the kernel keeps no delays or no ages; none
    where it does not answer: Linux before 4.19, no taskstats, no CAP_NET_ADMIN, or a capture; none
    either where its answer cannot be: other processes, another order, or a clock that goes back.
    """
    found = NOBODY
    for first in range(0, len(pids), TASKSTATS_MAX - 2):
        some = pids[first : first + TASKSTATS_MAX - 2]
        try:
            answer = parse_taskstats(source.taskstats((KTHREADD, *some, KTHREADD)))
        except SourceError:
            return NOBODY
        if len(answer.pids) < 2 or not answer.pids[0] == answer.pids[-1] == KTHREADD:
            return NOBODY
        clock_us = answer.age_us[0]
        late_us = answer.age_us[-1] - clock_us
        if late_us < 0 or not _are_among(answer.pids[1:-1], some):
            return NOBODY
        if clock_us:
            found = Table(*map(operator.add, found, _counted(answer, clock_us, late_us)))
    return found


def _are_among(answered: array[int], asked: Sequence[int]) -> bool:
    """Whether these are some of those that were asked about, in their order."""
    if len(answered) == len(asked):
        return answered == array("I", asked)
    left = iter(asked)
    return all(pid in left for pid in answered)


def _counted(answer: Columns, clock_us: int, late_us: int) -> Iterator[array[int]]:
    """The columns of a table, without the clocks and the processes whose delays are not kept."""
    kept = answer.timeslices[1:-1]
    number = len(kept) - kept.count(0)
    for column in answer:
        inner = column[1:-1]
        yield inner if number == len(kept) else array(column.typecode, compress(inner, kept))
    for time_us in (clock_us, late_us):
        yield array("Q", (time_us,)) * number


def read_counters(source: Source, pids: Sequence[int]) -> Mapping[int, Counted]:
    """As `read_table`, by process id."""
    table = read_table(source, pids)
    return {
        pid: (Counters(*counters), clock_us, late_us)
        for pid, *counters, clock_us, late_us in zip(*table, strict=True)
    }


Growth = tuple[int, int, int]
"""By how much the switches, the time waited and the time run have grown, in nanoseconds."""


def growth(then: Counted, now: Counted, threads: int) -> Growth | None:
    """What a process has done since `then`.

    `None` unless `now` is of the process of `then`, with the same threads, and has no jump: the
    kernel counts a thread that is about to end twice for a moment, which is more than the threads
    can have run and waited.
    """
    return next(_growths(((_numbers(then), _numbers(now), threads),)))


def growths(then: Table, now: Table, threads: Iterable[int]) -> Iterator[Growth | None]:
    """The `growth` of each process of two tables of the same ones in the same order."""
    before, after = zip(*then[2:], strict=True), zip(*now[2:], strict=True)
    return _growths(zip(before, after, threads, strict=True))


_Numbers = tuple[int, ...]
"""Of a process, as the last columns of `Table`: what `growth` looks at."""


def _numbers(counted: Counted) -> _Numbers:
    (_, *numbers), clock_us, late_us = counted
    return *numbers, clock_us, late_us


def _growths(each: Iterable[tuple[_Numbers, _Numbers, int]]) -> Iterator[Growth | None]:
    """A loop within: a call for each process takes as long as what is done in it."""
    for then, now, threads in each:
        waited, ran, age, switches, then_us, then_late_us = then
        waited_now, ran_now, age_now, switches_now, now_us, late_us = now
        passed_us = now_us - then_us
        excess_us = age_now - age - threads * passed_us
        slept, waited_ns, ran_ns = switches_now - switches, waited_now - waited, ran_now - ran
        least_us, most_us = -threads * (then_late_us + _ROUNDING_US), late_us + _ROUNDING_US
        if (
            least_us <= excess_us <= threads * most_us
            and slept >= 0
            and waited_ns >= 0
            and ran_ns >= 0
            and waited_ns + ran_ns <= threads * (passed_us + late_us + _TICK_US) * 1000
        ):
            yield slept, waited_ns, ran_ns
        else:
            yield None
