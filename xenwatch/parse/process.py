"""`/proc/PID/stat`, `/proc/PID/schedstat` and `/proc/PID/statm` (fs/proc/array.c, base.c)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

TICKS: Final = 100
"""USER_HZ: ticks per second in /proc, the same on every architecture of Xen."""
PAGE: Final = 4096
"""Bytes of a page of dom0's kernel: of every x86 one, and of arm64 as distributions build it."""
KERNEL_THREAD: Final = 0x00200000
"""PF_KTHREAD (include/linux/sched.h)."""
_STAT = re.compile(rb"(\d{1,10}) \((.{0,64})\) ([A-Za-z])( [-0-9 ]{1,1300})\n?\Z", re.DOTALL)
NO_SCHEDSTAT: Final = frozenset({b"", b"0 0 0\n"})
"""schedstat of a thread that never ran, or of a kernel without these counters."""
_SCHEDSTAT = re.compile(rb"(\d{1,20}) (\d{1,20}) (\d{1,20})\n?\Z")
_STATM = re.compile(rb"\d{1,20} (\d{1,20}) (\d{1,20}) \d{1,20} \d{1,20} \d{1,20} \d{1,20}\n?\Z")
_FLAGS, _UTIME, _STIME, _NICE, _THREADS, _START, _POLICY = 5, 10, 11, 15, 16, 18, 37


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """One process: `numbers` are the fields after the state, ppid first (proc(5), field 4)."""

    pid: int
    comm: bytes
    state: str
    numbers: tuple[int, ...]

    @property
    def kernel_thread(self) -> bool:
        """Whether it is a kernel thread."""
        return bool(self.numbers[_FLAGS] & KERNEL_THREAD)

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads, ended ones included."""
        return (self.numbers[_UTIME] + self.numbers[_STIME]) / TICKS

    @property
    def threads(self) -> int:
        """Its number of threads."""
        return self.numbers[_THREADS]

    @property
    def start_ticks(self) -> int:
        """Its start time in ticks since boot."""
        return self.numbers[_START]

    @property
    def nice(self) -> int:
        """The first thread's nice value, -20 to 19."""
        return self.numbers[_NICE]

    @property
    def policy(self) -> int:
        """The first thread's scheduling policy, SCHED_* of include/uapi/linux/sched.h."""
        return self.numbers[_POLICY]


@dataclass(frozen=True, slots=True)
class Schedstat:
    """Nanoseconds on a CPU and waiting for one, and the number of timeslices."""

    run_ns: int
    wait_ns: int
    timeslices: int


def parse_stat(data: bytes) -> ProcessStat:
    """`/proc/PID/stat`. Raises `ParseError`.

    The name may contain blanks and parentheses: the last parenthesis ends it.
    """
    match = _STAT.match(data)
    if not match:
        raise ParseError("/proc/PID/stat", "expected 'pid (comm) state' and numbers", data)
    try:
        numbers = tuple(map(int, match[4].split()))
    except ValueError:
        raise ParseError("/proc/PID/stat", "expected numbers after the state", data) from None
    if not 38 <= len(numbers) <= 60:
        raise ParseError("/proc/PID/stat", "expected 38 to 60 numbers", data)
    return ProcessStat(int(match[1]), match[2], match[3].decode("ascii"), numbers)


def parse_schedstat(data: bytes) -> Schedstat:
    """`/proc/PID/schedstat`: of the first thread alone. Raises `ParseError`."""
    match = _SCHEDSTAT.match(data)
    if not match:
        raise ParseError("/proc/PID/schedstat", "expected three numbers", data)
    return Schedstat(int(match[1]), int(match[2]), int(match[3]))


def waited_ns(data: bytes) -> int | None:
    """Nanoseconds a thread waited for a CPU, by its schedstat; `None` where that has no counters.

    Raises `ParseError`.
    """
    return None if data in NO_SCHEDSTAT else parse_schedstat(data).wait_ns


def private_bytes(data: bytes) -> int:
    """Bytes of `/proc/PID/statm` that are resident and not shared: anonymous memory.

    Of files and shared memory nothing is counted (fs/proc/task_mmu.c, task_statm). Since Linux 6.2
    the numbers may be off by some pages for each CPU. Raises `ParseError`.
    """
    match = _STATM.match(data)
    if not match:
        raise ParseError("/proc/PID/statm", "expected seven numbers", data)
    return max(0, int(match[1]) - int(match[2])) * PAGE
