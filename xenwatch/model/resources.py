"""Allocators of the host: numbers, event channels, descriptors, xenstore nodes."""

from __future__ import annotations

import heapq
from dataclasses import field
from typing import Final

from xenwatch.model.qemu import Life
from xenwatch.parse.evtchn import Channel
from xenwatch.values import dataclass

BUCKET: Final = 64
"""EVTCHNS_PER_BUCKET: Xen allocates a domain's table in steps of this many ports."""


class Numbers:
    """Numbers allocated lowest first, as Linux and Xen do with ports, irqs and descriptors."""

    def __init__(self, first: int = 0) -> None:
        self.high = first
        """One past the highest number ever allocated."""
        self._free: list[int] = []

    @property
    def next(self) -> int:
        """The number that would be taken now."""
        return self._free[0] if self._free else self.high

    def take(self) -> int:
        """The lowest number that is free."""
        if self._free:
            return heapq.heappop(self._free)
        self.high += 1
        return self.high - 1

    def give(self, number: int) -> None:
        """Release a number."""
        heapq.heappush(self._free, number)


class ChannelTable:
    """A domain's event channels by port; port 0 is never used.

    `owned` are the ports Xen keeps to itself: Xen 4.15 to 4.18 do not report them.
    """

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}
        self.owned: set[int] = set()
        self._numbers = Numbers(1)

    @property
    def slots(self) -> int:
        """Ports Xen has allocated, used or not; this never falls."""
        return -(-self._numbers.high // BUCKET) * BUCKET

    @property
    def next(self) -> int:
        """The port that would be taken now."""
        return self._numbers.next

    def take(self) -> int:
        """A free port, to be put to use."""
        return self._numbers.take()

    def open(self, kind: str, vcpu: int = 0, number: int | None = None) -> int:
        """A free port bound to an IPI, VIRQ or PIRQ."""
        port = self.take()
        self.channels[port] = Channel(port, vcpu, kind, None, number)
        return port

    def close(self, port: int) -> None:
        """Close a port."""
        self.channels.pop(port, None)
        self.owned.discard(port)
        self._numbers.give(port)


@dataclass(slots=True)
class Process:
    """A process or kernel thread of dom0: its name, arguments, descriptors by number and threads.

    The thread ids are `pid` and those behind it. `life` is what wakes it, where it is a QEMU.

    `anon_kib` is its anonymous memory beyond what it had at boot.
    `nofile` is its limit of open files, soft and hard, `group` its control group; `cpu_ns` and
    `wait_ns` are the time it had a CPU and waited for one, beside that of its `life`.
    """

    pid: int
    comm: str
    argv: tuple[str, ...] = ()
    nofile: tuple[int, int] = (1024, 1048576)
    threads: int = 1
    life: Life | None = None
    group: str = "/"
    cpu_ns: int = 0
    wait_ns: int = 0
    anon_kib: int = 0
    fds: dict[int, str] = field(default_factory=dict)
    _numbers: Numbers = field(default_factory=Numbers)

    def ran_ns(self, now: float) -> int:
        """All the CPU time it had until a time of the model's clock."""
        return self.cpu_ns + (self.life.cpu_ns(now) if self.life is not None else 0)

    def waited_ns(self, now: float) -> int:
        """All the time it waited for a CPU until then."""
        return self.wait_ns + (self.life.wait_ns(now) if self.life is not None else 0)

    def open(self, target: str) -> int:
        """A new descriptor; `target` is what its link in `/proc/PID/fd` reads."""
        number = self._numbers.take()
        self.fds[number] = target
        return number

    def close(self, number: int) -> None:
        """Close a descriptor."""
        del self.fds[number]
        self._numbers.give(number)


class Store:
    """The nodes of xenstored: a value and the names below it, in the order they were made."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {"/": b""}
        self._below: dict[str, dict[str, None]] = {"/": {}}

    def write(self, path: str, value: bytes | str) -> None:
        """Write a node, creating missing nodes above it."""
        self._make(path)
        self.values[path] = value.encode() if isinstance(value, str) else value

    def names(self, path: str) -> tuple[str, ...] | None:
        """Names below a node, `None` where there is no such node."""
        below = self._below.get(path)
        return None if below is None else tuple(below)

    def remove(self, path: str) -> None:
        """Remove a node and all below it, if it exists."""
        if path not in self.values:
            return
        for name in self._below[path]:
            self._drop(f"{path}/{name}")
        self._drop_node(path)
        parent, _, name = path.rpartition("/")
        del self._below[parent or "/"][name]

    def _make(self, path: str) -> None:
        if path in self.values:
            return
        parent, _, name = path.rpartition("/")
        self._make(parent or "/")
        self._below[parent or "/"][name] = None
        self._below[path] = {}
        self.values[path] = b""

    def _drop(self, path: str) -> None:
        for name in self._below[path]:
            self._drop(f"{path}/{name}")
        self._drop_node(path)

    def _drop_node(self, path: str) -> None:
        del self._below[path]
        del self.values[path]
