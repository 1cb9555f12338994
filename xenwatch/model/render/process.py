"""`/proc/PID/stat`, `/proc/PID/schedstat`, `/proc/PID/statm` and `/proc/PID/status`."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.process import ProcessStat, Schedstat

PROGRAM: Final = (
    *(1, 0, 0, 0, -1, 0x400000, 5992, 0, 8, 0, 0, 0, 0, 0, 20, 0, 1, 0, 0, 745447424, 9423),
    *(2**64 - 1, 94800449220608, 94800453875381, 140720401536048, 0, 0, 0, 268444224, 4096, 16451),
    *(0, 0, 0, 17, 1, 0, 0, 0, 0, 0, 94800456554280, 94800461594480, 94800654491648),
    *(140720401541734, 140720401542802, 140720401542802, 140720401543126, 0),
)
"""The numbers of a captured program, without times: parent first (proc(5), field 4)."""
KTHREAD: Final = (
    *(2, 0, 0, 0, -1, 0x208040, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 1, 0, 0, 0, 0, 2**64 - 1),
    *(0, 0, 0, 0, 0, 0, 0, 2**31 - 1, 0, 1, 0, 0, 17, *(0,) * 14),
)
"""The same of a kernel thread."""
_STATUS: Final = b"""\
Name:\t%b
Umask:\t0022
State:\tS (sleeping)
Tgid:\t%d
Ngid:\t0
Pid:\t%d
PPid:\t1
TracerPid:\t0
Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
FDSize:\t64
Groups:\t0\x20
NStgid:\t%d
NSpid:\t%d
NSpgid:\t%d
NSsid:\t%d
VmPeak:\t  781172 kB
VmSize:\t  727976 kB
VmLck:\t       0 kB
VmPin:\t       0 kB
VmHWM:\t   37692 kB
VmRSS:\t   37692 kB
RssAnon:\t   20544 kB
RssFile:\t   17148 kB
RssShmem:\t       0 kB
VmData:\t  104488 kB
VmStk:\t     132 kB
VmExe:\t    4548 kB
VmLib:\t   11944 kB
VmPTE:\t     260 kB
VmSwap:\t       0 kB
HugetlbPages:\t       0 kB
CoreDumping:\t0
THP_enabled:\t1
Threads:\t%d
SigQ:\t1/7512
SigPnd:\t0000000000000000
ShdPnd:\t0000000000000000
SigBlk:\tfffffffe7ffbfeff
SigIgn:\t0000000000001000
SigCgt:\t0000000100004043
CapInh:\t0000000000000000
CapPrm:\t000001ffffffffff
CapEff:\t000001ffffffffff
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t0
Seccomp_filters:\t0
Speculation_Store_Bypass:\tnot vulnerable
SpeculationIndirectBranch:\talways enabled
Cpus_allowed:\t3
Cpus_allowed_list:\t0-1
Mems_allowed:\t%b00000001
Mems_allowed_list:\t0
voluntary_ctxt_switches:\t%d
nonvoluntary_ctxt_switches:\t0
"""
_NODES: Final = b"00000000," * 31


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


def render_status(comm: str, tgid: int, pid: int, threads: int, switches: int) -> bytes:
    """`/proc/PID/task/PID/status` of a thread; what nobody reads is that of a captured QEMU."""
    ids = tgid, pid, tgid, pid, tgid, tgid
    name = comm.encode("utf-8", "surrogateescape")
    return _STATUS % (name, *ids, threads, _NODES, switches)
