"""Readings: QEMUs of guests: CPU time, wakeups, and what caused them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """One thread as last seen: its `schedstat` as it was read (empty: none), its wakeups.

    A wakeup is a voluntary context switch: the thread slept, and something woke it. `wait_ns` is
    what `schedstat` says of waiting for a CPU, `None` where it tells nothing.
    """

    tid: int
    schedstat: bytes
    wakeups: int
    wait_ns: int | None


@dataclass(frozen=True, slots=True)
class Qemu:
    """The device model of the domain `uuid`; `start_ticks` tells it from a later one of its pid.

    `devices` are names of `xenwatch.parse.qemu.DEVICES`. The counters are those of all threads,
    also of the ended ones since the process is known; `cpu_seconds` of all there ever were.
    `wait_seconds` is time spent waiting for a CPU, `None` where the kernel does not tell.
    `ended_wakeups` and `ended_wait_ns` are of threads that have ended.
    """

    uuid: str
    pid: int
    start_ticks: int
    devices: tuple[str, ...]
    cpu_seconds: float
    wakeups: int
    wait_seconds: float | None
    tasks: tuple[Task, ...]
    ended_wakeups: int = 0
    ended_wait_ns: int = 0


@dataclass(frozen=True, slots=True)
class Absence:
    """A domain without a QEMU that is known, and for how many passes it was."""

    uuid: str
    passes: int


@dataclass(frozen=True, slots=True)
class Qemus:
    """The QEMUs of guests by domid, and the domains that may have one but have none known.

    `search_in` is in how many passes all processes may be searched again.
    """

    by_domid: Mapping[int, Qemu]
    absent: Mapping[int, Absence]
    search_in: int = 0


@dataclass(frozen=True, slots=True)
class Causes:
    """What ended the poll calls of the QEMU of the domain `uuid`: a timeout, or a descriptor."""

    uuid: str
    timer: int
    io: int


@dataclass(frozen=True, slots=True)
class WakeupsByCause:
    """Causes by domid; `counts` are the kernel's own (timer, io) by thread at this reading."""

    by_domid: Mapping[int, Causes]
    counts: Mapping[int, tuple[int, int]]
