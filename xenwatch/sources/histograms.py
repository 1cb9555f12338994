"""The histograms of tracefs that are set up for a probe: where they are, what they count.

Documentation/trace/histogram.rst of Linux.
"""

from __future__ import annotations

from typing import Final

DIRECTORIES: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
"""Where tracefs is mounted, the newer place first."""
INSTANCE: Final = "instances/xenwatch"
"""A tracing instance of its own below that: nobody else's tracing is touched."""
SLEEP: Final = "events/sched/sched_switch"
POLL: Final = "events/syscalls/sys_exit_ppoll"
"""QEMU's main loop waits by this system call."""
TIMER: Final = "timer"
IO: Final = "io"
TRIGGERS: Final = (
    (
        SLEEP,
        'hist:keys=prev_pid:slept=prev_prio:size=16384 if prev_state == 1 && prev_comm ~ "*qemu*"',
    ),
    (POLL, f"hist:keys=common_pid:{TIMER}=$slept-common_pid:size=16384 if ret == 0"),
    (POLL, f"hist:keys=common_pid:{IO}=$slept-common_pid:size=16384 if ret > 0"),
)
"""By event, in the order they build on each other: what counts the polls that a thread slept in.

A thread of QEMU that goes to sleep sets its variable `slept`, whose value does not matter. A return
of poll counts only where that is set, and unsets it: what was ready at once woke nobody. It returns
0 when the time was up, else the number of descriptors ready.
"""
