"""A daemon whose wall clock is set: two hours back on SIGUSR1, forth on SIGUSR2, right on SIGRTMIN.

It is `xenwatch run`. No namespace has a wall clock of its own, and the machine's is others' too, so
what Python is told is shifted; the monotonic clock, timers and the kernel go on as they are.
"""

from __future__ import annotations

import functools
import signal
import sys
import time
from typing import Final

from xenwatch.cli.main import main

BY: Final = 7200.0
"""Seconds by which it is set."""
_true, _true_ns = time.time, time.time_ns


def set_clock(seconds: float, *_: object) -> None:
    """Have it differ by so much from the machine's."""
    time.time = lambda: _true() + seconds
    time.time_ns = lambda: _true_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, functools.partial(set_clock, -BY))
    signal.signal(signal.SIGUSR2, functools.partial(set_clock, BY))
    signal.signal(signal.SIGRTMIN, functools.partial(set_clock, 0.0))
    sys.exit(main(["run", *sys.argv[1:]]))
