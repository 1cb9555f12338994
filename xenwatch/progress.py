"""Whether the work of a thread gets on: starved of CPU time it does, in a read that hangs not.

A thread that waits for a CPU is in state R, and its CPU clock goes on whenever it has one; one that
waits in the kernel is in state S or D, and its clock stands still (proc(5), `/proc/PID/stat`).
"""

from __future__ import annotations

import enum
import time
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.parse.process import parse_stat
from xenwatch.values import dataclass

LOOK: Final = 0.05
"""Seconds from one look at a thread to the next while others wait for it to finish."""
SELDOM: Final = 1.0
"""The same while nobody waits."""
LATE_MAX: Final = 300.0
"""Seconds after which work that gets on, but is not done, is given up. Prometheus takes a series
without a new sample for gone after as long."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A thread at one look: its CPU seconds so far, and whether it has or waits for a CPU."""

    cpu_seconds: float
    runnable: bool = False


def look(thread: int | None) -> Sign | None:
    """The sign of a thread of this process by its number; `None` without one.

    Its CPU clock is the one pthread_getcpuclockid(3) names, which crashes for a thread that has
    ended (Linux, include/linux/posix-timers.h: CPUCLOCK_PERTHREAD_MASK, CPUCLOCK_SCHED).
    """
    if thread is None:
        return None
    try:
        seconds = time.clock_gettime((~thread << 3) | 6)
        with open(f"/proc/self/task/{thread}/stat", "rb") as file:
            return Sign(seconds, parse_stat(file.read()).state == "R")
    except (OSError, ParseError):
        return None


class Standing(enum.Enum):
    """How work stands against its deadline. `LATE` gets on; the others are given up."""

    IN_TIME = "in time"
    LATE = "late"
    HUNG = "hung"
    ENDLESS = "endless"
    STARVED = "starved"


class Course:
    """How work that began at `began` stands against a deadline in seconds, look by look.

    `spent` is the CPU time that its thread had taken before. `moves` is whether it got on before
    the latest look. Past its deadline, work whose thread has stood still for half of it hangs; work
    that took as much CPU time, or `LATE_MAX` seconds, is given up too.
    """

    def __init__(self, deadline: float, began: float, spent: float = 0.0) -> None:
        self.moves = True
        self.standing = Standing.IN_TIME
        self._deadline = deadline
        self._began = began
        self._moved = began
        self._spent = spent
        self._cpu_seconds = spent

    @property
    def is_given_up(self) -> bool:
        """Whether no result is waited for any more."""
        return self.standing not in (Standing.IN_TIME, Standing.LATE)

    def pause(self, now: float, most: float) -> float:
        """Seconds until the next look, which are at most `most`: none is missed that may decide."""
        due = self._began + self._deadline
        return min(most, due - now) if due > now else most

    def add(self, now: float, sign: Sign | None) -> None:
        """Judge by one more look; work that was given up stays so."""
        self.moves = sign is not None and (sign.runnable or sign.cpu_seconds > self._cpu_seconds)
        if sign is not None:
            self._cpu_seconds = sign.cpu_seconds
        if self.moves:
            self._moved = now
        if not self.is_given_up:
            self.standing = self._judged(now)

    def _judged(self, now: float) -> Standing:
        if now < self._began + self._deadline:
            return Standing.IN_TIME
        if now - self._moved >= self._deadline / 2:
            return Standing.HUNG
        if self._cpu_seconds - self._spent >= self._deadline:
            return Standing.ENDLESS
        return Standing.STARVED if now >= self._began + LATE_MAX else Standing.LATE
