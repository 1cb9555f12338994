"""Readings: daemons of the control path, descriptors, pseudo-terminals, processes."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """A control-path daemon: descriptors in use and its own soft limit (`None`: unlimited).

    `epoll` is whether it waits with epoll, `None` where that was not read.
    """

    pid: int
    comm: str
    fds: int
    fd_limit: int | None
    epoll: bool | None = None


@dataclass(frozen=True, slots=True)
class Daemons:
    """The control-path daemons that run here by role: xenstored, xenconsoled, xapi."""

    by_role: Mapping[str, DaemonProcess]


@dataclass(frozen=True, slots=True)
class ProcessFds:
    """A process's descriptors in use, and its own soft limit of them (`None`: unlimited)."""

    pid: int
    fds: int
    fd_limit: int | None


@dataclass(frozen=True, slots=True)
class DaemonFds:
    """The other daemons of the control path that run here, by role (`xenwatch.release.daemons`)."""

    by_role: Mapping[str, ProcessFds]


@dataclass(frozen=True, slots=True)
class QemuFds:
    """The QEMUs of guests, by domid."""

    by_domid: Mapping[int, ProcessFds]


@dataclass(frozen=True, slots=True)
class Ptys:
    """Pseudo-terminals in use and the kernel's maximum."""

    nr: int
    max: int


@dataclass(frozen=True, slots=True)
class Pids:
    """Tasks (threads) and the kernel's two limits on them."""

    tasks: int
    pid_max: int
    threads_max: int
