"""In dom0: samples of the wakeups of a process's threads, or what a poll costs a QEMU.

`wakeups.py PID SECONDS` prints a line "time wakeups" some times a second; `wakeups.py cost` prints
the CPU time in microseconds of one poll that waits, made by a process called like a QEMU.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path

POLLS = 5_000


def wakeups(pid: str) -> int:
    """Voluntary context switches of all threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "voluntary_ctxt_switches":
                total += int(value)
    return total


def sample(pid: str, seconds: float) -> None:
    """Print samples until the time is up."""
    until = time.time() + seconds
    while time.time() < until:
        before = time.time()
        total = wakeups(pid)
        print((before + time.time()) / 2, total, flush=True)
        time.sleep(0.2)


def cost() -> None:
    """Print what a ppoll that sleeps for the shortest of times costs."""
    Path("/proc/self/comm").write_text("qemu-cost")
    ppoll = ctypes.CDLL(None).ppoll
    soon = (ctypes.c_long * 2)(0, 1)
    began = time.process_time()
    for _ in range(POLLS):
        ppoll(None, 0, soon, None)
    print((time.process_time() - began) / POLLS * 1e6)


if __name__ == "__main__":
    if sys.argv[1] == "cost":
        cost()
    else:
        sample(sys.argv[1], float(sys.argv[2]))
