"""Synthetic hosts that are measured: of any size, asleep or awake, and what their answers cost.

`python -m tests.benchmarks.hosts VMS STATE SOCKET` serves one as a reader does, to a daemon that
then holds nothing of it.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from tests.benchmarks.table import BUSY
from xenwatch import threads
from xenwatch.model import cpu, requests
from xenwatch.model.bounds import Bounds
from xenwatch.model.changed_host import on_host
from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.qemu import AFTER_PULSAR, USUAL
from xenwatch.model.scenario import Host
from xenwatch.model.source import ModelSource
from xenwatch.model.steps import Requests
from xenwatch.reader.listener import MODE
from xenwatch.reader.server import Server
from xenwatch.sockets.unix import listen_unix
from xenwatch.sources.base import BatchReply, Hypercall, hypercall_batch

BOOTED: Final = 120.0
"""Seconds the VMs have been there: their boot is over."""
STEP: Final = 5.0
"""Seconds after which the host has moved on."""
DATAPATH: Final = 0.002
"""CPUs that each tapdisk and receiving thread of a VM that is awake demands."""
READS: Final = 20
"""Reads of each disk in a second."""
CALLS: Final = 100_000
"""Calls of which the cost of counting one is taken."""
ASKED: Final = (
    *("read", "kernel_log", "listdir", "readlink", "certificates", "stat", "statvfs", "uname"),
    *("adjtimex", "run", "links", "taskstats", "hypercall", "hypercalls", "hypercall_batch"),
    *("xenstore", "xenstore_control", "round_trip"),
)
"""What a source is asked; of a real host, the kernel and Xen answer it."""


def machine(vms: int, state: str) -> Machine:
    """XCP-ng 8.3, which refuses none of so many HVM VMs; the QEMUs of those asleep do not wake."""
    platform = on_host(XCP_NG_8_3, Host(memory_gib=64, host_memory_gib=2048))
    made = Machine(platform, Bounds())
    habits = USUAL if state == BUSY else AFTER_PULSAR
    shape = dataclasses.replace(vm(platform, "hvm"), habits=habits)
    for number in range(vms):
        made.start(b"vm-%04d" % number, shape)
    made.advance(BOOTED)
    return made


class Running(ModelSource):
    """A host whose clock goes on; with VMs that are awake, their counters do too."""

    def __init__(self, made: Machine, state: str) -> None:
        super().__init__(made)
        self._awake = state == BUSY
        self._began = self._moved = time.monotonic()
        self._moving = threading.Lock()

    def move(self) -> None:
        """Bring the host up to now, if it is time."""
        now = time.monotonic()
        if now - self._moved < STEP or not self._moving.acquire(blocking=False):
            return
        try:
            seconds, self._moved = now - self._moved, now
            self.advance(now - self._began, seconds)
        finally:
            self._moving.release()

    def advance(self, to: float, seconds: float) -> None:
        """Bring the host to a second of its clock, so many after the last time."""
        self._machine.advance(BOOTED + to)
        if self._awake:
            cpu.run(self._dom0, seconds, DATAPATH, 0.0)
            step = Requests(hungry=0, each=0, others=READS)
            requests.run(self._dom0, seconds, (), step)

    def hypercall_batch(self, call: Hypercall, size: int) -> BatchReply:
        """See `AnswersBatches`: Xen does it, not the daemon."""
        return hypercall_batch(super(), call, size)  # type: ignore[arg-type]


def host(vms: int, state: str = BUSY) -> Running:
    """Such a host as a source, which moves on when it is told to."""
    return Running(machine(vms, state), state)


class Counted(Running):
    """The same, which counts the CPU time its answers take, and that of counting."""

    def __init__(self, made: Machine, state: str) -> None:
        super().__init__(made, state)
        self.spent = 0.0
        self.calls = 0
        self.lock = threading.Lock()
        self._each = _cost_of_counting(self)

    @property
    def cost(self) -> float:
        """CPU seconds that a daemon over a real host would not have."""
        with self.lock:
            return self.spent + self.calls * self._each

    def nothing(self) -> None:
        """A question without an answer."""


def _counted(answer: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Counted, *arguments: Any, **options: Any) -> Any:
        before = time.thread_time()
        self.move()
        try:
            return answer(self, *arguments, **options)
        finally:
            seconds = time.thread_time() - before
            with self.lock:
                self.spent += seconds
                self.calls += 1

    return call


for _name in ASKED:
    setattr(Counted, _name, _counted(getattr(Running, _name)))


def _cost_of_counting(source: Counted) -> float:
    """CPU seconds of what counts a call, as far as it counts them not itself."""
    counted = _counted(Counted.nothing)
    costs = []
    for ask in (counted, Counted.nothing):
        before = time.thread_time()
        for _ in range(CALLS):
            ask(source)
        costs.append(time.thread_time() - before)
    inside, source.spent, source.calls = source.spent, 0.0, 0
    return max(0.0, costs[0] - costs[1] - inside) / CALLS


class Moving(Running):
    """A host that moves on whenever it is asked."""


def _moves(answer: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Moving, *arguments: Any, **options: Any) -> Any:
        self.move()
        return answer(self, *arguments, **options)

    return call


for _name in ASKED:
    setattr(Moving, _name, _moves(getattr(Running, _name)))


def main(vms: str, state: str, path: str) -> None:
    """Serve it until the process ends; it says when it listens."""
    source = Moving(machine(int(vms), state), state)
    threads.keep()
    server = Server(source, listen_unix(path, MODE), serves="synthetic", say=lambda _: None)
    print("listening", flush=True)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
