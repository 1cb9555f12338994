"""Descriptors of the other daemons of the control path and of QEMUs, against their own limits.

The kernel tells their number only as a directory with an entry for each (fs/proc/fd.c; as its size
from Linux 6.2 on), and Open vSwitch may have thousands: they are read seldom.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Final

from xenwatch.parse.cgroup import parse_procs
from xenwatch.parse.qemu import arguments, device_model_of
from xenwatch.parse.rlimits import parse_limits, soft_open_files
from xenwatch.parse.text import word
from xenwatch.probes.base import DOMAIN_SETTLED, READ_SEARCH, NotApplicable, Probe, stateless
from xenwatch.probes.qemu import CMDLINE_MAX
from xenwatch.probes.xen import has_ended, list_optional, read_optional, require_dom0
from xenwatch.readings.processes import DaemonFds, ProcessFds, QemuFds
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.daemons import DAEMONS, Program
from xenwatch.sources.base import Source, SourceError, read_ahead
from xenwatch.values import dataclass

SERVICES: Final = tuple(
    f"{hierarchy}/{slice_name}"
    for hierarchy in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup")
    for slice_name in ("control.slice", "system.slice")
)
"""Where the control groups of services are: systemd's own hierarchy, or the only one."""
MOST_PROCESSES: Final = 16
"""Processes of a service that are looked at; the daemon is the first, its children follow."""
SEARCH_EVERY: Final = 10
"""Passes after which every process is looked at again, whatever it was before."""
_DIGITS = re.compile(r"[0-9]{1,10}\Z")


def read_daemons(source: Source, context: Snapshot) -> DaemonFds:
    """The daemons that run here, by role. Raises `NotApplicable`, `SourceError`, `ParseError`."""
    require_dom0(source, context)
    read_ahead(source, "read", (path for program in DAEMONS.values() for path in _places(program)))
    found = {}
    for role, program in DAEMONS.items():
        pid = next(_pids(source, program), None)
        fds = _fds(source, pid) if pid is not None else None
        if fds is not None:
            found[role] = fds
    if not found:
        raise NotApplicable(f"none of these runs here: {', '.join(DAEMONS)}")
    return DaemonFds(found)


@dataclass(frozen=True, slots=True)
class _Memory:
    """The PIDs that are no QEMUs, and for how many passes they have not been looked at again.

    A process may become another program.
    """

    others: frozenset[int]
    passes: int


def read_qemus(source: Source, context: Snapshot, memory: _Memory) -> tuple[QemuFds, _Memory]:
    """The QEMUs of guests, by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    passes = (memory.passes + 1) % SEARCH_EVERY
    others = memory.others if passes else frozenset()
    by_domid: dict[int, ProcessFds] = {}
    new_others = set()
    pids = [int(name) for name in source.listdir("/proc") if _DIGITS.match(name)]
    read_ahead(source, "read", (f"/proc/{pid}/cmdline" for pid in pids if pid not in others))
    for pid in pids:
        domid = _device_model_of(source, pid) if pid not in others else None
        fds = _fds(source, pid) if domid is not None else None
        if domid is None or fds is None:
            new_others.add(pid)
        else:
            by_domid[domid] = fds
    return QemuFds(by_domid), _Memory(frozenset(new_others), passes)


def _device_model_of(source: Source, pid: int) -> int | None:
    """The domain whose device model a process is."""
    try:
        data = source.read(f"/proc/{pid}/cmdline", CMDLINE_MAX)
    except SourceError as error:
        if error.missing or error.errno == errno.EFBIG:
            return None
        raise
    return device_model_of(arguments(data)) if b"qemu" in data else None


def _pids(source: Source, program: Program) -> Iterator[int]:
    """The processes of the daemon's PID files and units that are its program."""
    for pid in _candidates(source, program):
        comm = read_optional(source, f"/proc/{pid}/comm")
        if comm is not None and word(comm) in program.comms:
            yield pid


def _candidates(source: Source, program: Program) -> Iterator[int]:
    for path in program.pid_files:
        data = read_optional(source, path)
        if data is not None and _DIGITS.match(word(data)):
            yield int(word(data))
    for path in _groups(program):
        data = read_optional(source, path)
        if data is not None:
            yield from sorted(parse_procs(path, data))[:MOST_PROCESSES]


def _groups(program: Program) -> Iterator[str]:
    return (f"{home}/{unit}/cgroup.procs" for home in SERVICES for unit in program.units)


def _places(program: Program) -> Iterator[str]:
    """The files that name processes of the daemon."""
    yield from program.pid_files
    yield from _groups(program)


def _fds(source: Source, pid: int) -> ProcessFds | None:
    """Descriptors of a process, `None` when it has ended."""
    names = list_optional(source, f"/proc/{pid}/fd")
    limits = read_optional(source, f"/proc/{pid}/limits")
    if names is None or limits is None or (not names and has_ended(source, pid)):
        return None
    return ProcessFds(pid, len(names), soft_open_files(parse_limits(limits)))


DAEMON_FDS = Probe(
    name="daemon_fds",
    reads=f"/proc/PID/{{comm,fd,limits}} of {', '.join(DAEMONS)}; PID files in /run, cgroup.procs"
    " of their units",
    advice="run as root: /proc/PID/fd of another user's process is not readable",
    read=stateless(read_daemons),
    interval=60.0,
    capabilities=READ_SEARCH,
)
QEMU_FDS = Probe(
    name="qemu_fds",
    reads="/proc/PID/cmdline; /proc/PID/{fd,limits} of the QEMUs of guests",
    advice="run as root: /proc/PID/fd of another user's process is not readable",
    read=read_qemus,
    memory=_Memory(frozenset(), -1),
    interval=120.0,
    events=frozenset({DOMAIN_SETTLED}),
    capabilities=READ_SEARCH,
)
