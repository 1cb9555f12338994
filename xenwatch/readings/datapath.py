"""Readings: threads and processes that serve the devices of guests, and network interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Worker:
    """A thread or process that serves devices of a domain.

    `kind` is netback, blkback, tapdisk or qdisk.

    A qdisk worker is a QEMU that serves a PV or PVH domain and emulates nothing; an HVM domain's
    own QEMU serves its qdisks too, and is none. The one of dom0 serves disks attached to dom0.
    `start_ticks` tells a worker from a later one of its number.
    """

    domid: int
    kind: str
    start_ticks: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Vif:
    """A network interface of a domain as dom0 has it.

    `queues` is how many it has agreed on with its frontend, `attached` whether it is a port of a
    bridge or switch, and the drops are packets: `rx` from the guest, `tx` to it.
    """

    domid: int
    queues: int | None
    attached: bool | None
    rx_dropped: int | None
    tx_dropped: int | None


@dataclass(frozen=True, slots=True)
class Datapath:
    """Who serves the guests' devices, by process id, and their network interfaces, by name.

    `ended` is the CPU time of workers that have ended, by domid and kind. `passed_over` are
    processes that are no workers, looked at when `devices` were last seen to change, `passes` ago.
    """

    workers: Mapping[int, Worker]
    ended: Mapping[tuple[int, str], float]
    vifs: Mapping[str, Vif]
    passed_over: frozenset[int]
    devices: frozenset[str]
    passes: int

    def cpu_seconds(self) -> Mapping[tuple[int, str], float]:
        """CPU time by domid and kind of worker, of those that have ended too."""
        found = dict(self.ended)
        for worker in self.workers.values():
            key = worker.domid, worker.kind
            found[key] = found.get(key, 0.0) + worker.cpu_seconds
        return found
