"""The control-path daemons and their descriptors, pseudo-terminals, tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from xenwatch.parse.rlimits import parse_limits, soft_open_files
from xenwatch.parse.text import loadavg_tasks, number, word
from xenwatch.probes.base import DOMAIN_SETTLED, PTRACE, NotApplicable, Probe, stateless
from xenwatch.probes.xen import has_ended, read_optional, require_dom0
from xenwatch.readings.processes import DaemonProcess, Daemons, Pids, Ptys
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "xenstored": ("oxenstored", "xenstored"),
    "xenconsoled": ("xenconsoled",),
    "xapi": ("xapi",),
    "xenopsd": ("xenopsd-xc", "xenopsd"),
}
"""Names of the programs (`/proc/PID/comm`) that play a role."""
ALWAYS: Final = ("xenstored", "xenconsoled")
"""Roles every toolstack has: /proc is searched for them where no pid file names them."""
PID_DIRECTORIES: Final = ("/run/xen", "/run", "/var/run/xen", "/var/run")
CHANGED_TO_EPOLL: Final = ("xapi",)
"""Programs that wait with select or epoll, depending on the update level of one release."""
EVENTPOLL: Final = "anon_inode:[eventpoll]"
MOST_FDS: Final = 1024
"""Descriptors searched for an epoll instance: a daemon that selects cannot use more."""
_DIGITS = re.compile(r"[0-9]{1,10}\Z")


@dataclass(frozen=True, slots=True)
class _Memory:
    """The last known PIDs of the daemons, by role."""

    pids: Mapping[str, int]


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Daemons, _Memory]:
    """The daemons by role. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    found: dict[str, DaemonProcess] = {}
    for role in ROLES:
        for pid in _candidates(source, memory.pids.get(role), role):
            process = _process(source, pid, ROLES[role])
            if process is not None:
                found[role] = process
                break
    if any(role not in found for role in ALWAYS):
        _search(source, found)
    if not found:
        raise NotApplicable("neither xenstored nor xenconsoled runs in this domain")
    return Daemons(found), _Memory({role: daemon.pid for role, daemon in found.items()})


def read_ptys(source: Source, context: Snapshot) -> Ptys:
    """The kernel's count of pseudo-terminals."""
    paths = ("/proc/sys/kernel/pty/nr", "/proc/sys/kernel/pty/max")
    return Ptys(*(number(path, source.read(path)) for path in paths))


def read_pids(source: Source, context: Snapshot) -> Pids:
    """The kernel's count of tasks and its limits."""
    tasks = loadavg_tasks(source.read("/proc/loadavg"))
    paths = ("/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max")
    return Pids(tasks, *(number(path, source.read(path)) for path in paths))


def _candidates(source: Source, last: int | None, role: str) -> Iterator[int]:
    """Process ids the role may have: the one of last time, then those of pid files."""
    if last is not None:
        yield last
    for directory in PID_DIRECTORIES:
        data = read_optional(source, f"{directory}/{role}.pid")
        if data is not None and _DIGITS.match(word(data)):
            yield int(word(data))


def _search(source: Source, found: dict[str, DaemonProcess]) -> None:
    """Look at every process's name for the roles not found yet."""
    for name in source.listdir("/proc"):
        if not _DIGITS.match(name):
            continue
        comm = _comm(source, int(name))
        for role, programs in ROLES.items():
            if comm in programs and role not in found:
                process = _process(source, int(name), programs)
                if process is not None:
                    found[role] = process


def _comm(source: Source, pid: int) -> str:
    data = read_optional(source, f"/proc/{pid}/comm")
    return "" if data is None else word(data)


def _process(source: Source, pid: int, programs: Sequence[str]) -> DaemonProcess | None:
    """The process, if it is one of the programs and no zombie, whose descriptors are closed."""
    comm = _comm(source, pid)
    if comm not in programs:
        return None
    fds = source.listdir(f"/proc/{pid}/fd")
    if not fds and has_ended(source, pid):
        return None
    limit = soft_open_files(parse_limits(source.read(f"/proc/{pid}/limits")))
    return DaemonProcess(pid, comm, len(fds), limit, _epoll(source, pid, fds, comm))


def _epoll(source: Source, pid: int, fds: Sequence[str], comm: str) -> bool | None:
    """Whether the daemon waits with epoll, of those that have changed to it by an update.

    Its server opens the epoll instance when it starts and keeps it, so it is among the first
    descriptors (xen-api, ocaml/libs/http-lib/server_io.ml, from 24.31 on).
    """
    if comm not in CHANGED_TO_EPOLL:
        return None
    first = sorted(map(int, filter(_DIGITS.match, fds)))[:MOST_FDS]
    seen = False
    for fd in first:
        try:
            if source.readlink(f"/proc/{pid}/fd/{fd}") == EVENTPOLL:
                return True
            seen = True
        except SourceError as error:
            # Connections come and go meanwhile; the epoll instance stays.
            if not error.missing:
                return None
    return False if seen else None


DAEMONS = Probe(
    name="daemons",
    reads="/proc/PID/{comm,fd,limits} of xenstored, xenconsoled and xapi; pid files in /run",
    advice="run as root: /proc/PID/fd of another user's process is not readable",
    read=read,
    memory=_Memory({}),
    events=frozenset({DOMAIN_SETTLED}),
    capabilities=PTRACE,
)
PTYS = Probe(
    name="ptys",
    reads="/proc/sys/kernel/pty/{nr,max}",
    advice="mount procfs",
    read=stateless(read_ptys),
    events=frozenset({DOMAIN_SETTLED}),
)
PIDS = Probe(
    name="pids",
    reads="/proc/loadavg, /proc/sys/kernel/{pid_max,threads-max}",
    advice="mount procfs",
    read=stateless(read_pids),
)
