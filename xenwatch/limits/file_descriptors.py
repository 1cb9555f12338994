"""File descriptors of a daemon: what the limits of xenstored, xenconsoled and xapi share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import Ceiling, Ceilings, Remedy, Shortage, Used
from xenwatch.limits.regimes import regime
from xenwatch.readings.host import Host
from xenwatch.readings.processes import DaemonProcess
from xenwatch.readings.snapshot import Snapshot

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


def fds_ceiling(role: str) -> Ceilings:
    """The daemon's own limit of open files, and 1,024 where it waits with select(2)."""

    def ceiling(snapshot: Snapshot) -> Mapping[str, Ceiling]:
        process = _daemon(snapshot, role)
        if process is None:
            return {}
        own, origin = process.fd_limit, f"Max open files of process {process.pid}"
        if own is not None and own <= FD_SETSIZE:
            return {"": Ceiling(own, origin)}
        bound = selects(role, process.comm, snapshot.host)
        if bound:
            return {"": Ceiling(FD_SETSIZE, f"FD_SETSIZE: this {process.comm} uses select")}
        return {} if own is None or bound is None else {"": Ceiling(own, origin)}

    return ceiling


def _daemon(snapshot: Snapshot, role: str) -> DaemonProcess | None:
    return None if snapshot.daemons is None else snapshot.daemons.by_role.get(role)


def selects(role: str, comm: str, host: Host | None) -> bool | None:
    """Whether this daemon still waits with select; `None` where Xen's version is not known.

    xapi does; the C xenstored and xenconsoled up to Xen 4.2, oxenstored up to Xen 4.4. XenServer
    6.2 gave its xenconsoled poll ahead of Xen.
    """
    if role == "xapi":
        return True
    if host is None or host.xen is None:
        return None
    if role == "xenconsoled" and (host.platform, host.platform_version[:3]) == ("xenserver", "6.2"):
        return False
    return host.xen < ((4, 5) if comm == "oxenstored" else (4, 3))


def fds_remedy(role: str) -> Remedy:
    """The remedy for descriptors of the daemon in a role."""

    def remedy(shortage: Shortage) -> tuple[str, ...]:
        snapshot, target = shortage.snapshot, shortage.target
        process = snapshot.daemons.by_role.get(role) if snapshot.daemons is not None else None
        if process is None:
            return ()
        if selects(role, process.comm, snapshot.host):
            return (f"update the host: from Xen 4.5 on, {role} is not bound to 1,024 descriptors",)
        family = regime(snapshot) or ""
        if family.startswith("xenserver-6"):
            return (f"write ulimit -n {target} into the script that starts {role}",)
        unit = "xen" if family == "xl" else role
        raised = (f"sysctl -w fs.nr_open={target}",) if target > _NR_OPEN else ()
        return (
            *raised,
            f"prlimit --pid {process.pid} --nofile={target}:{target}",
            f"systemctl edit {unit}.service: [Service] LimitNOFILE={target}, over a reboot",
        )

    return remedy
