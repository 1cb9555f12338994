"""File descriptors of a process: what the limits of daemons and of QEMUs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import Max, Maxima, Remedy, Shortage, Used
from xenwatch.readings.processes import DaemonProcess, ProcessFds
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release

FD_SETSIZE: Final = 1024
"""select(2) cannot watch a descriptor from this number on."""
_NR_OPEN: Final = 1 << 20
"""The kernel's default of fs.nr_open, above which no process may go."""


def fds_used(role: str) -> Used:
    """Descriptors of the daemon in a role."""

    def used(snapshot: Snapshot) -> Mapping[str, int]:
        process = _daemon(snapshot, role)
        return {} if process is None else {"": process.fds}

    return used


def fds_max(role: str) -> Maxima:
    """The daemon's own limit of open files, and 1,024 where it waits with select(2)."""

    def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
        process = _daemon(snapshot, role)
        if process is None:
            return {}
        own, origin = process.fd_limit, _origin(process.pid)
        if own is not None and own <= FD_SETSIZE:
            return {"": Max(own, origin)}
        selects = release(snapshot).selects(process.comm, process.epoll)
        if selects:
            return {"": Max(FD_SETSIZE, f"FD_SETSIZE: this {process.comm} uses select")}
        if process.epoll:
            origin += ", which waits with epoll"
        return {} if own is None or selects is None else {"": Max(own, origin)}

    return maximum


def own_max(process: ProcessFds) -> Max | None:
    """The process's own limit of open files, `None`: it has none."""
    own = process.fd_limit
    return None if own is None else Max(own, _origin(process.pid))


def _origin(pid: int) -> str:
    return f"Max open files of process {pid}"


def _daemon(snapshot: Snapshot, role: str) -> DaemonProcess | None:
    return None if snapshot.daemons is None else snapshot.daemons.by_role.get(role)


def _more_per_process(target: int) -> tuple[str, ...]:
    """The command that raises the kernel's own bound; systemd 240 and later has raised it already.

    (src/core/main.c of systemd: bump_file_max_and_nr_open.)
    """
    return (f"[ $(sysctl -n fs.nr_open) -ge {target} ] || sysctl -w fs.nr_open={target}",)


def fds_remedy(role: str) -> Remedy:
    """The remedy for descriptors of the daemon in a role."""

    def remedy(shortage: Shortage) -> tuple[str, ...]:
        snapshot, target = shortage.snapshot, shortage.target
        process = snapshot.daemons.by_role.get(role) if snapshot.daemons is not None else None
        if process is None:
            return ()
        found = release(snapshot)
        if found.selects(process.comm, process.epoll):
            since = found.polls_since(process.comm) or "a later release"
            return (f"update the host: from {since} on, {role} can exceed 1,024 descriptors",)
        if found.facts.centos_5:
            return (f"add ulimit -n {target} to the script that starts {role}",)
        unit = found.facts.unit or role
        raise_soft = f"prlimit --pid {process.pid} --nofile={target}"
        drop_in = f"add [Service] LimitNOFILE={target} to make it persistent"
        return (
            *(_more_per_process(target) if target > _NR_OPEN else ()),
            f"{raise_soft}: || {raise_soft}:{target}",  # the hard limit too where it is lower
            f"systemctl edit {unit}.service  # {drop_in}",
        )

    return remedy
