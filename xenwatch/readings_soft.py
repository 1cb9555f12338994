"""What the probes of the soft limits saw: dom0's CPU time, and who waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """A control group of systemd's.

    `weight` and `expected` are in the host's own scale: `cpu.shares` of version 1, `cpu.weight`
    of version 2. `share` is the part of dom0's CPU time, 0 to 1, that is its own when every other
    group and every process beside it wants the CPU too. `pressure` is seconds stalled by kind
    (some, full), empty where the kernel does not tell.
    """

    weight: int | None
    expected: int | None
    share: float | None
    cpu_seconds: float | None
    throttled_seconds: float | None
    pressure: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices there are, by name, and processes that are not where they belong.

    `contenders` counts the processes and threads in the root group that compete with the slices
    one by one. `misplaced` counts by name and group.
    """

    by_name: Mapping[str, Slice]
    contenders: int
    misplaced: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Questions to one daemon so far: answers by bucket, their seconds, and those unanswered.

    `counts` are of the buckets whose upper bounds are `xenwatch.probes.control_path.BOUNDS`,
    the last one of what took longer.
    """

    counts: tuple[int, ...]
    seconds: float
    failures: int


@dataclass(frozen=True, slots=True)
class DaemonTimes:
    """CPU time of a daemon; `wait_ns` and `ended_wait_ns` are time spent waiting for a CPU.

    The one is by thread, empty where the kernel does not tell; the other is of threads that have
    ended. `start_ticks` tells a process from a later one of its number.
    """

    pid: int
    start_ticks: int
    cpu_seconds: float
    wait_ns: Mapping[int, int]
    ended_wait_ns: int

    @property
    def wait_seconds(self) -> float | None:
        """Seconds all threads have waited for a CPU."""
        if not self.wait_ns:
            return None
        return (sum(self.wait_ns.values()) + self.ended_wait_ns) / 1e9


@dataclass(frozen=True, slots=True)
class ControlPath:
    """How long the control path takes to answer, by target, and its daemons' times, by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, DaemonTimes]


@dataclass(frozen=True, slots=True)
class Dom0Cpus:
    """dom0's virtual CPUs: seconds by CPU and mode, and what asks for them.

    `load` are the averages over 1, 5 and 15 minutes; `softirqs` counts by type on all CPUs.
    """

    seconds: Mapping[str, Mapping[str, float]]
    load: tuple[float, float, float]
    runnable: int | None
    blocked: int | None
    softirqs: Mapping[str, int]


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


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of requests from a guest: its slots, and those with a request not yet answered."""

    slots: int
    requests: int


@dataclass(frozen=True, slots=True)
class VifRings:
    """The rings of a network interface, all its queues together.

    `tx` and `rx` are as the guest sees them, which sends by the one and gives netback room to fill
    by the other. `queued_bytes` wait for such room, `stopped` queues have reached their part of
    `queued_bytes_max`.
    """

    domid: int
    tx: Ring
    rx: Ring
    queued_bytes: int
    queued_bytes_max: int
    stopped: int


@dataclass(frozen=True, slots=True)
class NetbackRings:
    """netback's rings by interface."""

    by_vif: Mapping[str, VifRings]


@dataclass(frozen=True, slots=True)
class Transfers:
    """What was read, or written: requests, bytes, and seconds requests took where it is told."""

    requests: int
    bytes: int
    wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class VirtualDisk:
    """A disk of a domain as its backend counts; `backend` is blkback or tapdisk.

    `storage` is the storage repository's UUID, or the block device behind the disk, `None` while
    not known. `out_of_requests` counts how often a request had to wait for others to end.
    """

    backend: str
    storage: str | None
    read: Transfers
    write: Transfers
    out_of_requests: int


@dataclass(frozen=True, slots=True)
class Disks:
    """The disks by domid and device id."""

    by_device: Mapping[tuple[int, int], VirtualDisk]
