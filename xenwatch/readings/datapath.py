"""Readings: threads and processes that serve the devices of guests, and network interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Hotplug:
    """How the toolstack is to attach a network interface.

    `script` is the name of its hotplug script, empty where it is unknown. `disabled` is whether
    xapi was told to leave the interface out of every bridge (locking-mode disabled).
    """

    script: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Vif:
    """A network interface of a domain as seen by dom0.

    `queues` is the number negotiated with its frontend, and of one that has never connected as
    many as there can be; `attached` whether it is a port of a
    bridge or switch, and the drops are packets: `rx` from the guest, `tx` to it. `up` is whether
    somebody has set it up; `hotplug` is `None` where it was not read.
    """

    domid: int
    queues: int | None
    attached: bool | None
    rx_dropped: int | None
    tx_dropped: int | None
    up: bool = True
    hotplug: Hotplug | None = None


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper process of a VM as it was found: its program (xenwatch.parse.helpers), start time.

    `serves` is the domid of its domain, or the domain's name where only that is known.
    """

    program: str
    start_ticks: int
    serves: int | bytes


@dataclass(frozen=True, slots=True)
class Datapath:
    """CPU time of the workers for guests' devices, and network interfaces by name.

    `cpu_seconds` is CPU time by domid and kind of worker, ended ones included; a kind
    is netback, blkback, tapdisk or qdisk.

    A qdisk worker is a QEMU that serves a PV or PVH domain and emulates nothing; an HVM domain's
    own QEMU serves its qdisks too, and is none. The one of dom0 serves disks attached to dom0.

    `processes` are domid and kind of the workers that are processes, by PID, and `tasks` the
    threads of all workers, those of the kernel included, by domid. `helpers` are other processes
    that serve one domain each, by PID; some may have ended since they were found.
    """

    cpu_seconds: Mapping[tuple[int, str], float]
    vifs: Mapping[str, Vif]
    processes: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    tasks: Mapping[int, int] = field(default_factory=dict)
    helpers: Mapping[int, Helper] = field(default_factory=dict)
