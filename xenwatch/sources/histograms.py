"""The histograms of tracefs that are set up for a probe: where they are, and what they count.

Documentation/trace/histogram.rst of Linux.
"""

from __future__ import annotations

from typing import Final

DIRECTORIES: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
"""Where tracefs is mounted, the newer place first."""
INSTANCE: Final = "instances/xenwatch"
"""A separate tracing instance below that, so that other users of tracing are not affected."""
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
"""Triggers by event, in the order they depend on each other: they count polls that slept.

A thread of QEMU that goes to sleep sets its variable `slept`, whose value does not matter. A return
of poll counts only where that is set, and unsets it: a poll that returned at once woke no thread.
poll returns 0 on timeout, else the number of ready descriptors.
"""
