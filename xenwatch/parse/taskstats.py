"""Answers to TASKSTATS_CMD_ATTR_TGID: counters of whole processes (kernel/taskstats.c).

The struct grows at its end only, so the fields have the same places from version 8 (Linux 4.19) on.
Xen's architectures need no padding before it (CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS of x86 and
arm64), which would be an attribute of its own.
"""

from __future__ import annotations

import errno
import struct
import sys
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from xenwatch.parse.errors import ParseError
from xenwatch.sources.wire import NETLINK_ERROR, NLMSG_ERROR, TASKSTATS_NEW, aligned

SUBJECT: Final = "taskstats"
TYPE_TGID: Final = 2
TYPE_STATS: Final = 3
TYPE_AGGR_TGID: Final = 5
"""TASKSTATS_TYPE_*: the process id and the struct, both within the last."""
OLDEST: Final = 8
"""The version of Linux 4.19's struct."""
_MESSAGE: Final = struct.Struct("=IH10xB5xH2xHI2xHH14xQQ40xQ64xQ120xQ")
"""Length and type; the command, the type of the whole, type of the id, the id, type of the struct;
and of the struct version, cpu_count, cpu_delay_total, cpu_run_virtual_total, ac_etime, nvcsw.
"""
_HEAD: Final = (TASKSTATS_NEW, TYPE_AGGR_TGID, TYPE_TGID)
"""What is before the id in an answer about a process."""
_SAME: Final = (0, 1, 4, 5, 6, 8, 9)
"""The words of a message in which is what is read of it besides the id and the counters."""
_ID: Final = 7
_COUNTERS: Final = (13, 15, 27, 45, 77)
"""The first words of the counters."""
_ERROR_LENGTH: Final = 36
"""Of NLMSG_ERROR: its header, the number, the header of the question."""


class Counters(NamedTuple):
    """A process's counters.

    `timeslices` is how often its threads were given a CPU, `wait_ns` how long they waited for one,
    `cpu_ns` how long they ran, `switches` how often they gave it up to sleep. `age_us` is the sum
    of the ages of its threads by the monotonic clock, 0 before Linux 4.19.

    Ended threads count in the first three. In `age_us` and `switches` they do since a correction of
    2026, which stable kernels have too: fill_tgid_exit. A thread that is about to end may count
    twice. Without delay accounting all but `age_us` and `switches` are 0.
    """

    timeslices: int
    wait_ns: int
    cpu_ns: int
    age_us: int
    switches: int


class Columns(NamedTuple):
    """Ids of processes and their counters, in order: arrays, since a pass makes thousands.

    What their numbers take is a fourth of what objects take, and is read in one go.
    """

    pids: array[int]
    timeslices: array[int]
    wait_ns: array[int]
    cpu_ns: array[int]
    age_us: array[int]
    switches: array[int]


def parse_taskstats(data: bytes) -> Columns:
    """The counters in order, without the processes that do not exist.

    Raises `ParseError`.
    """
    size = aligned(int.from_bytes(data[:4], sys.byteorder))
    if _are_alike(data, size):
        words = memoryview(data).cast("I")
        return Columns(
            array("I", words[_ID :: size // 4].tobytes()),
            *(_column(words[first:], size // 4) for first in _COUNTERS),
        )
    rows = list(_one_by_one(data))
    pids, *counters = zip(*rows, strict=True) if rows else [()] * len(Columns._fields)
    return Columns(array("I", pids), *(array("Q", column) for column in counters))


def _are_alike(data: bytes, size: int) -> bool:
    """Whether the data are nothing but answers about processes, each of that size."""
    if size < _MESSAGE.size or len(data) % size or not _is_answer(_MESSAGE.unpack_from(data)):
        return False
    words, step = memoryview(data).cast("I"), size // 4
    number = len(words) // step
    return all(
        words[word::step].tobytes() == words[word : word + 1].tobytes() * number for word in _SAME
    )


def _column(words: memoryview[int], step: int) -> array[int]:
    """The numbers of 64 bits, of which the first begins here and the others follow in steps."""
    low, high = words[::step], words[1::step]
    halves = array("I", bytes(8 * len(low)))
    halves[::2], halves[1::2] = array("I", low.tobytes()), array("I", high.tobytes())
    return array("Q", halves.tobytes())


def _is_answer(fields: tuple[int, ...]) -> bool:
    return (
        fields[1] != NLMSG_ERROR
        and fields[2:5] == _HEAD
        and fields[6] == TYPE_STATS
        and fields[7] >= OLDEST
        and fields[0] >= _MESSAGE.size
    )


def _one_by_one(data: bytes) -> Iterator[tuple[int, ...]]:
    """The id and the counters of each process. Raises `ParseError`."""
    place, end = 0, len(data)
    while place < end:
        try:
            fields = _MESSAGE.unpack_from(data, place)
        except struct.error:  # An error is shorter than an answer.
            fields = _MESSAGE.unpack_from(data[place:] + bytes(_MESSAGE.size))
        length = fields[0]
        if length < _ERROR_LENGTH or place + length > end:
            raise _bad("a whole message", data, place)
        if fields[1] == NLMSG_ERROR:
            if NETLINK_ERROR.unpack_from(data, place)[0] != -errno.ESRCH:
                raise _bad("no error but ESRCH", data, place)
        elif not _is_answer(fields):
            raise _bad(f"an answer about a process, version {OLDEST} or newer", data, place)
        else:
            yield fields[5], *fields[8:]
        place += aligned(length)


def _bad(expected: str, data: bytes, place: int) -> ParseError:
    return ParseError(SUBJECT, f"expected {expected}", data[place:])
