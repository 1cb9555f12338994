"""The counters that the synthetic host's kernel keeps of its processes."""

from __future__ import annotations

from typing import Final

from xenwatch.model.cpu import UPTIME
from xenwatch.model.qemu import RUN_NS, WAIT_NS
from xenwatch.model.state import Dom0
from xenwatch.parse.taskstats import Counters

_KTHREADD: Final = 2
_TIMESLICE_NS: Final = 4_000_000


def counters(dom0: Dom0, pid: int) -> Counters | None:
    """What taskstats tells of a process, by its files in /proc; `None` where it does not exist.

    All of them have been there since boot, and so has the thread that makes the kernel's threads.
    """
    now = dom0.seconds
    age_us = round((UPTIME + now) * 1e6)
    if pid == _KTHREADD:
        return Counters(1, 0, 0, age_us, 1)
    process = dom0.processes.get(pid)
    if process is None:
        return None
    ran_ns, waited_ns, age_us = (
        process.ran_ns(now),
        process.waited_ns(now),
        age_us * process.threads,
    )
    if process.life is None:
        timeslices = 1 + ran_ns // _TIMESLICE_NS
        return Counters(timeslices, waited_ns, ran_ns, age_us, timeslices)
    others = process.threads - 1
    wakeups = process.life.wakeups(now) + others
    return Counters(
        wakeups, waited_ns + others * WAIT_NS, ran_ns + others * RUN_NS[0], age_us, wakeups
    )
