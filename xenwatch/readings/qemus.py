"""Readings: QEMUs of guests: CPU time, wakeups, and what caused them."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Qemu:
    """The device model of the domain `uuid`.

    `start_ticks` distinguishes it from a later process with the same PID. `devices` are names of
    `xenwatch.parse.qemu.DEVICES`, `threads` the ids of its threads. The counters include threads
    that have ended since the process was found; `cpu_seconds` all that ever ran. A wakeup is a
    voluntary context switch: the thread slept, and something woke it. `wait_seconds` is time spent
    waiting for a CPU, `None` where the kernel does not report it.
    """

    uuid: str
    pid: int
    start_ticks: int
    devices: tuple[str, ...]
    cpu_seconds: float
    wakeups: int
    wait_seconds: float | None
    threads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Qemus:
    """The QEMUs of guests by domid."""

    by_domid: Mapping[int, Qemu]


@dataclass(frozen=True, slots=True)
class Causes:
    """What ended a QEMU's poll calls so far: a timeout, or a descriptor."""

    timer: int
    io: int


@dataclass(frozen=True, slots=True)
class WakeupsByCause:
    """Causes of the wakeups of guests' QEMUs by domid."""

    by_domid: Mapping[int, Causes]
