"""QEMU in the synthetic host: its threads, and what wakes them as the model's clock goes on."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

from xenwatch.model.render.hist import render_hists
from xenwatch.model.render.process import (
    PROGRAM,
    render_schedstat,
    render_stat,
    render_status,
)
from xenwatch.model.tree import FileTree
from xenwatch.parse.hist import Hist, HistRow
from xenwatch.parse.process import TICKS, ProcessStat, Schedstat
from xenwatch.parse.qemu import CDROM, PARALLEL, SERIAL, TABLET, USB
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, POLL, SLEEP, TRIGGERS
from xenwatch.values import dataclass

if TYPE_CHECKING:
    from xenwatch.model.resources import Process
    from xenwatch.model.state import Dom0

PERIOD: Final = 30
"""Seconds that the numbers of `Events` are about, and how long a boot and a shutdown take."""
RUN_NS: Final = (20_000, 110_000, 110_000)
"""CPU time of one wakeup in a boot, idle and in a shutdown.

Some 8,000 in 30 idle seconds are the published 3 % of a vCPU. That of a boot is invented: its
wakeups are many and short.
"""
WAIT_NS: Final = 20_000
"""Time one wakeup waits for a CPU."""
ARGUMENTS: Final = {
    USB: ("-usb",),
    TABLET: ("-device", "usb-tablet,port=2"),
    SERIAL: ("-serial", "pty"),
    PARALLEL: ("-parallel", "null"),
    CDROM: ("-drive", "file=,if=ide,index=3,media=cdrom"),
}
"""The command-line options of QEMU for each device."""


@dataclass(frozen=True, slots=True)
class Events:
    """What wakes a QEMU in 30 seconds: timers, data to read, space to write.

    Each event is one wakeup of its main thread.
    """

    timer: int
    read: int
    write: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What wakes a QEMU in its first 30 seconds, afterwards, and in its last 30."""

    boot: Events
    idle: Events
    shutdown: Events


BEFORE_PULSAR: Final = Habits(
    Events(2130, 160191, 59769), Events(3457, 2964, 1587), Events(594, 347, 280)
)
AFTER_PULSAR: Final = Habits(Events(3, 146114, 57254), Events(0, 0, 0), Events(0, 58, 108))
"""A Windows 7 as published: xenserver.org, "VM Density and Project Pulsar"."""
USUAL: Final = Habits(AFTER_PULSAR.boot, Events(300, 40, 20), AFTER_PULSAR.shutdown)
"""The QEMU of a present-day guest."""


@dataclass(frozen=True, slots=True)
class Life:
    """The wakeups of a QEMU: its habits, its start and the start of its shutdown.

    Times are seconds of the model's clock.
    """

    habits: Habits
    since: float
    stopped: float = math.inf

    def _phases(self, now: float) -> tuple[tuple[Events, float], ...]:
        """Boot, idle and shutdown, with the seconds each has lasted."""
        alive = max(0.0, min(now, self.stopped) - self.since)
        boot = min(alive, PERIOD)
        shutdown = min(max(0.0, now - self.stopped), PERIOD)
        habits = self.habits
        return (habits.boot, boot), (habits.idle, alive - boot), (habits.shutdown, shutdown)

    def timer(self, now: float) -> int:
        """Polls that timed out."""
        return sum(_timer(*phase) for phase in self._phases(now))

    def io(self, now: float) -> int:
        """Polls ended by a ready descriptor."""
        return sum(_io(*phase) for phase in self._phases(now))

    def wakeups(self, now: float) -> int:
        """Wakeups of the main thread, its first sleep included."""
        return 1 + self.timer(now) + self.io(now)

    def cpu_ns(self, now: float) -> int:
        """CPU time of the main thread."""
        phases = zip(self._phases(now), RUN_NS, strict=True)
        return sum((_timer(*phase) + _io(*phase)) * each for phase, each in phases)

    def wait_ns(self, now: float) -> int:
        """Time it waited for a CPU."""
        return self.wakeups(now) * WAIT_NS


def _timer(events: Events, seconds: float) -> int:
    return int(events.timer * seconds / PERIOD)


def _io(events: Events, seconds: float) -> int:
    return sum(int(each * seconds / PERIOD) for each in (events.read, events.write))


def build(tree: FileTree, dom0: Dom0) -> None:
    """The files of every QEMU's threads, and the histograms of their polls."""
    for process in dom0.processes.values():
        if process.life is not None:
            _process(tree, dom0, process, process.life)
    events = f"{DIRECTORIES[0]}/{INSTANCE}"
    tree.file(f"{events}/{SLEEP}/hist", lambda: render_hists(_hists(dom0)[:1]))
    tree.file(f"{events}/{POLL}/hist", lambda: render_hists(_hists(dom0)[1:]))


def _process(tree: FileTree, dom0: Dom0, process: Process, life: Life) -> None:
    home = f"/proc/{process.pid}"
    tree.file(f"{home}/stat", lambda: render_stat(_stat(process, life, dom0.seconds)))
    for number in range(process.threads):
        task = f"{home}/task/{process.pid + number}"
        main = life if number == 0 else None
        tree.file(f"{task}/schedstat", partial(_schedstat, dom0, main))
        tree.file(f"{task}/status", partial(_status, dom0, process, number, main))
    tree.file(f"{home}/schedstat", partial(_schedstat, dom0, life))


def _stat(process: Process, life: Life, now: float) -> ProcessStat:
    """User and system time, threads and start time; the rest is as of any program."""
    numbers = list(PROGRAM)
    ticks = process.ran_ns(now) * TICKS // 1_000_000_000
    numbers[10], numbers[11] = ticks // 2, ticks - ticks // 2
    numbers[16], numbers[18] = process.threads, int(life.since * TICKS) + process.pid
    return ProcessStat(process.pid, process.comm.encode(), "S", tuple(numbers))


def _schedstat(dom0: Dom0, life: Life | None) -> bytes:
    if life is None:
        return render_schedstat(Schedstat(RUN_NS[0], WAIT_NS, 1))
    now = dom0.seconds
    return render_schedstat(Schedstat(life.cpu_ns(now), life.wait_ns(now), life.wakeups(now)))


def _status(dom0: Dom0, process: Process, number: int, life: Life | None) -> bytes:
    switches = 1 if life is None else life.wakeups(dom0.seconds)
    pid = process.pid
    return render_status(process.comm, pid, pid + number, process.threads, switches)


def _hists(dom0: Dom0) -> list[Hist]:
    """One for each trigger: sleeps, and polls that ended by a timer and by a descriptor."""
    now = dom0.seconds
    processes = dom0.processes.values()
    lives = [(process.pid, process.life) for process in processes if process.life is not None]
    hits = (
        [(pid, life.timer(now) + life.io(now)) for pid, life in lives],
        [(pid, life.timer(now)) for pid, life in lives],
        [(pid, life.io(now)) for pid, life in lives],
    )
    return [
        Hist(
            _shown(text),
            tuple(HistRow(((key, pid),), count) for pid, count in counts if count),
            sum(count for _, count in counts),
            0,
        )
        for (_, text), key, counts in zip(
            TRIGGERS, ("prev_pid", "common_pid", "common_pid"), hits, strict=True
        )
    ]


def _shown(trigger: str) -> str:
    """A trigger as the kernel prints it."""
    command, _, condition = trigger.partition(" if ")
    _, keys, variable, size = command.split(":")
    return f"hist:{keys}:vals=hitcount:{variable}:sort=hitcount:{size} if {condition} [active]"
