"""`/proc/PID/stat`, `/proc/PID/schedstat` and `/proc/PID/statm`."""

from __future__ import annotations

from xenwatch.parse.process import ProcessStat, Schedstat


def render_stat(stat: ProcessStat) -> bytes:
    """`/proc/PID/stat` (fs/proc/array.c: do_task_stat)."""
    numbers = " ".join(map(str, stat.numbers)).encode("ascii")
    return b"%d (%b) %b %b\n" % (stat.pid, stat.comm, stat.state.encode("ascii"), numbers)


def render_schedstat(schedstat: Schedstat) -> bytes:
    """`/proc/PID/schedstat` (fs/proc/base.c: proc_pid_schedstat)."""
    return b"%d %d %d\n" % (schedstat.run_ns, schedstat.wait_ns, schedstat.timeslices)


def render_statm(size: int, resident: int, shared: int) -> bytes:
    """`/proc/PID/statm` in pages; program and data are taken to be all of the rest.

    Source: fs/proc/array.c, proc_pid_statm.
    """
    return b"%d %d %d %d 0 %d 0\n" % (size, resident, shared, shared // 8, size - shared)
