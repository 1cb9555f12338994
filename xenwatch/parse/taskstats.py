"""Answers to TASKSTATS_CMD_ATTR_TGID: counters of whole processes (kernel/taskstats.c).

The struct grows at its end only, so the fields have the same places from version 8 (Linux 4.19) on.
Xen's architectures need no padding before it (CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS of x86 and
arm64), which would be an attribute of its own.
"""

from __future__ import annotations

import errno
import struct
from typing import Final, NamedTuple

from xenwatch.parse.errors import ParseError
from xenwatch.sources.wire import NETLINK_ERROR, NLMSG_ERROR, TASKSTATS_NEW

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
_ERROR_LENGTH: Final = 36
"""Of NLMSG_ERROR: its header, the number, the header of the question."""


class Counters(NamedTuple):
    """A process's counters: a tuple, since a pass makes thousands.

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


def parse_taskstats(data: bytes) -> list[tuple[int, Counters]]:
    """Process ids and counters in order, without the processes that do not exist.

    Raises `ParseError`.
    """
    found: list[tuple[int, Counters]] = []
    place, end = 0, len(data)
    unpack, made = _MESSAGE.unpack_from, Counters._make
    while place < end:
        try:
            fields = unpack(data, place)
        except struct.error:  # An error is shorter than an answer.
            fields = unpack(data[place:] + bytes(_MESSAGE.size))
        length = fields[0]
        if length < _ERROR_LENGTH or place + length > end:
            raise _bad("a whole message", data, place)
        if fields[1] == NLMSG_ERROR:
            if NETLINK_ERROR.unpack_from(data, place)[0] != -errno.ESRCH:
                raise _bad("no error but ESRCH", data, place)
        elif (
            fields[2:5] != _HEAD
            or fields[6] != TYPE_STATS
            or fields[7] < OLDEST
            or length < _MESSAGE.size
        ):
            raise _bad(f"an answer about a process, version {OLDEST} or newer", data, place)
        else:
            found.append((fields[5], made(fields[8:])))
        place += -(-length // 4) * 4
    return found


def _bad(expected: str, data: bytes, place: int) -> ParseError:
    return ParseError(SUBJECT, f"expected {expected}", data[place:])
