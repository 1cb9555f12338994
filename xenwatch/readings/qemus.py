"""Readings: QEMUs of guests: CPU time, wakeups, and what caused them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xenwatch.values import dataclass

NANOSECONDS: Final = 1e9
"""In a second."""


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

    def grown(self, wakeups: int, waited_ns: int, ran_ns: int) -> Qemu:
        """The same after so many more wakeups and nanoseconds, of the same threads.

        A pass makes thousands, and to set the fields of a frozen one takes four times as long.
        """
        made: Any = _Unfrozen()
        made.uuid, made.pid, made.start_ticks = self.uuid, self.pid, self.start_ticks
        made.devices, made.threads = self.devices, self.threads
        made.cpu_seconds = self.cpu_seconds + ran_ns / NANOSECONDS
        made.wakeups = self.wakeups + wakeups
        made.wait_seconds = (self.wait_seconds or 0.0) + waited_ns / NANOSECONDS
        made.__class__ = Qemu
        found: Qemu = made
        return found


class _Unfrozen:
    """A `Qemu` whose fields can be set."""

    __slots__ = Qemu.__slots__


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
