"""What the VMs of a host do, and what serves them: counters and queues as rows, also as JSON.

Rates are differences of two of these: `xenwatch.terminal.rates`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from xenwatch.assessment.vif_faults import vif_faults
from xenwatch.display.why import why
from xenwatch.readings.disks import Transfers, VirtualDisk
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.status import from_json
from xenwatch.values import dataclass

PATH: Final = "/api/v1/activity"
"""Where a daemon serves the activity of its host."""


class ActivityError(Exception):
    """A document that is not the activity of a host; the text says why."""


@dataclass(frozen=True, slots=True)
class DomainUse:
    """What a domain takes: CPU time of its vCPUs, and of dom0 by what works for it.

    `dom0_cpu_seconds` is by kind: qemu, the workers of `Datapath`, and helpers. `dom0_memory_bytes`
    and `dom0_tasks` are those of the processes that serve it alone.
    """

    domid: int
    uuid: str
    cpu_seconds: float | None
    dom0_cpu_seconds: Mapping[str, float]
    dom0_memory_bytes: int | None
    dom0_tasks: int | None


@dataclass(frozen=True, slots=True)
class QemuRow:
    """The QEMU of a domain, as in `Qemu`; `timer` and `io` as in `Causes`."""

    domid: int
    pid: int
    devices: tuple[str, ...]
    threads: int
    cpu_seconds: float
    wakeups: int
    wait_seconds: float | None
    timer: int | None
    io: int | None
    memory_bytes: int | None
    fds: int | None
    fds_max: int | None


@dataclass(frozen=True, slots=True)
class DiskRow:
    """A disk of a domain, as in `VirtualDisk`; without counters where it is not connected."""

    domid: int
    device: int
    backend: str
    storage: str | None
    connected: bool
    reads: int | None
    read_bytes: int | None
    read_seconds: float | None
    writes: int | None
    write_bytes: int | None
    write_seconds: float | None
    out_of_requests: int | None
    in_flight: int | None
    stalled_seconds: float | None


@dataclass(frozen=True, slots=True)
class VifRow:
    """A network interface of a domain, as in `Vif` and `VifRings`.

    `fault` is why it has no network, as in `vif_faults`, empty if no fault is known.
    """

    device: str
    domid: int
    fault: str
    queues: int | None
    attached: bool | None
    up: bool
    rx_dropped: int | None
    tx_dropped: int | None
    tx_slots: int | None
    tx_requests: int | None
    queued_bytes: int | None
    queued_bytes_max: int | None
    stopped_queues: int | None


@dataclass(frozen=True, slots=True)
class UplinkRow:
    """A physical interface by which VMs reach the network, as in `Nic`."""

    device: str
    bond: str
    working: bool
    speed_bytes: int | None
    rx_errors: int | None
    tx_errors: int | None


@dataclass(frozen=True, slots=True)
class DaemonRow:
    """A daemon of the control path: its answers so far, its times and descriptors.

    `answers` and `failures` count requests, `answer_seconds` is the total time of the answers;
    `median_seconds` and `failed_ratio` are of the newest requests. All of them are `None` of a
    daemon that xenwatch sends no requests to. `waiting_ratio` is the time that its threads waited
    for a CPU over the last minutes.
    """

    role: str
    answers: int | None
    failures: int | None
    answer_seconds: float | None
    median_seconds: float | None
    failed_ratio: float | None
    cpu_seconds: float | None
    wait_seconds: float | None
    waiting_ratio: float | None
    fds: int | None
    fds_max: int | None


@dataclass(frozen=True, slots=True)
class Dom0Row:
    """dom0's vCPUs: seconds by mode, all vCPUs together; the rest as in `Dom0Cpus`."""

    vcpus: int
    seconds: Mapping[str, float]
    load: tuple[float, ...]
    runnable: int | None
    blocked: int | None
    steal_ratio: float | None


@dataclass(frozen=True, slots=True)
class Activity:
    """The activity of a host at one time; a part is `None` where its probe read nothing.

    `instants` is when each probe last read, in seconds of the host's monotonic clock.
    """

    time: float
    instants: Mapping[str, float]
    domains: tuple[DomainUse, ...] | None
    qemus: tuple[QemuRow, ...] | None
    disks: tuple[DiskRow, ...] | None
    vifs: tuple[VifRow, ...] | None
    uplinks: tuple[UplinkRow, ...] | None
    daemons: tuple[DaemonRow, ...] | None
    dom0: Dom0Row | None


def activity(snapshot: Snapshot) -> Activity:
    """The activity that a pass has read."""
    return Activity(
        time=snapshot.time,
        instants={
            name: outcome.instant
            for name, outcome in snapshot.outcomes.items()
            if outcome.status is Status.OK
        },
        domains=_domains(snapshot),
        qemus=_qemus(snapshot),
        disks=_disks(snapshot),
        vifs=_vifs(snapshot),
        uplinks=_uplinks(snapshot),
        daemons=_daemons(snapshot),
        dom0=_dom0(snapshot),
    )


def dumps(found: Activity) -> str:
    """The activity as JSON: an object with the fields of `Activity`, ended by a newline."""
    return json.dumps(found, default=_plain, separators=(",", ":")) + "\n"


def loads(document: bytes | str) -> Activity:
    """What `dumps` wrote, of this version or one with more fields. Raises `ActivityError`."""
    try:
        found: Activity = from_json.read(Activity, json.loads(document))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ActivityError(f"not an activity document of xenwatch: {why(error)}") from None
    return found


def _plain(row: Any) -> dict[str, Any]:
    # dataclasses.asdict copies every value, which takes five times as long.
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _domains(snapshot: Snapshot) -> tuple[DomainUse, ...] | None:
    if snapshot.domains is None:
        return None
    busy: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for domid, qemu in (snapshot.qemus.by_domid if snapshot.qemus else {}).items():
        busy[domid]["qemu"] = qemu.cpu_seconds
    for (domid, kind), seconds in (
        snapshot.datapath.cpu_seconds if snapshot.datapath else {}
    ).items():
        busy[domid][kind] = seconds
    processes = snapshot.vm_processes
    for (domid, program), seconds in (processes.helper_cpu_seconds if processes else {}).items():
        busy[domid][program] = seconds
    uses = processes.by_domid if processes else {}
    return tuple(
        DomainUse(
            domid=domain.domid,
            uuid=domain.uuid,
            cpu_seconds=domain.cpu_seconds,
            dom0_cpu_seconds=busy.get(domain.domid, {}),
            dom0_memory_bytes=use.memory_bytes if use else None,
            dom0_tasks=use.tasks if use else None,
        )
        for domain in snapshot.domains.domains
        for use in [uses.get(domain.domid)]
    )


def _qemus(snapshot: Snapshot) -> tuple[QemuRow, ...] | None:
    if snapshot.qemus is None:
        return None
    causes = snapshot.qemu_wakeups_by_cause.by_domid if snapshot.qemu_wakeups_by_cause else {}
    memory = snapshot.vm_processes.memory_bytes if snapshot.vm_processes else {}
    fds = snapshot.qemu_fds.by_domid if snapshot.qemu_fds else {}
    return tuple(
        QemuRow(
            domid=domid,
            pid=qemu.pid,
            devices=qemu.devices,
            threads=len(qemu.threads),
            cpu_seconds=qemu.cpu_seconds,
            wakeups=qemu.wakeups,
            wait_seconds=qemu.wait_seconds,
            timer=cause.timer if cause else None,
            io=cause.io if cause else None,
            memory_bytes=memory.get((domid, "qemu")),
            fds=opened.fds if opened else None,
            fds_max=opened.fd_limit if opened else None,
        )
        for domid, qemu in sorted(snapshot.qemus.by_domid.items())
        for cause, opened in [(causes.get(domid), fds.get(domid))]
    )


def _disks(snapshot: Snapshot) -> tuple[DiskRow, ...] | None:
    if snapshot.disks is None:
        return None
    rows = {key: _disk(*key, disk) for key, disk in snapshot.disks.by_device.items()}
    for key, (backend, storage) in snapshot.disks.unconnected.items():
        rows[key] = DiskRow(*key, backend, storage, False, *[None] * 9)
    return tuple(rows[key] for key in sorted(rows))


def _disk(domid: int, device: int, disk: VirtualDisk) -> DiskRow:
    def counted(found: Transfers) -> tuple[int, int, float | None]:
        return found.requests, found.bytes, found.wait_seconds

    reads, read_bytes, read_seconds = counted(disk.read)
    writes, write_bytes, write_seconds = counted(disk.write)
    return DiskRow(
        domid=domid,
        device=device,
        backend=disk.backend,
        storage=disk.storage,
        connected=True,
        reads=reads,
        read_bytes=read_bytes,
        read_seconds=read_seconds,
        writes=writes,
        write_bytes=write_bytes,
        write_seconds=write_seconds,
        out_of_requests=disk.out_of_requests,
        in_flight=disk.in_flight,
        stalled_seconds=disk.stalled_seconds,
    )


def _vifs(snapshot: Snapshot) -> tuple[VifRow, ...] | None:
    if snapshot.datapath is None:
        return None
    rings = snapshot.netback_rings.by_vif if snapshot.netback_rings else {}
    faults = {f"vif{key.domid}.{key.devid}": fault for key, fault in vif_faults(snapshot).items()}
    return tuple(
        VifRow(
            device=name,
            domid=vif.domid,
            fault=faults.get(name, ""),
            queues=vif.queues,
            attached=vif.attached,
            up=vif.up,
            rx_dropped=vif.rx_dropped,
            tx_dropped=vif.tx_dropped,
            tx_slots=ring.tx.slots if ring else None,
            tx_requests=ring.tx.requests if ring else None,
            queued_bytes=ring.queued_bytes if ring else None,
            queued_bytes_max=ring.queued_bytes_max if ring else None,
            stopped_queues=ring.stopped if ring else None,
        )
        for name, vif in snapshot.datapath.vifs.items()
        for ring in [rings.get(name)]
    )


def _uplinks(snapshot: Snapshot) -> tuple[UplinkRow, ...] | None:
    if snapshot.uplinks is None:
        return None
    return tuple(
        UplinkRow(name, nic.bond, nic.working, nic.speed_bytes, nic.rx_errors, nic.tx_errors)
        for name, nic in snapshot.uplinks.nics.items()
    )


def _daemons(snapshot: Snapshot) -> tuple[DaemonRow, ...] | None:
    path = snapshot.control_path
    if path is None and snapshot.daemons is None and snapshot.daemon_fds is None:
        return None
    trips, times = (path.round_trips, path.daemons) if path else ({}, {})
    own = snapshot.daemons.by_role if snapshot.daemons else {}
    others = snapshot.daemon_fds.by_role if snapshot.daemon_fds else {}
    found = []
    for role in dict.fromkeys((*trips, *times, *own, *others)):
        trip, used, opened = trips.get(role), times.get(role), own.get(role) or others.get(role)
        found.append(
            DaemonRow(
                role=role,
                answers=sum(trip.counts) if trip else None,
                failures=trip.failures if trip else None,
                answer_seconds=trip.seconds if trip else None,
                median_seconds=trip.median_seconds if trip else None,
                failed_ratio=trip.failed_ratio if trip else None,
                cpu_seconds=used.cpu_seconds if used else None,
                wait_seconds=used.wait_seconds if used else None,
                waiting_ratio=used.waiting if used else None,
                fds=opened.fds if opened else None,
                fds_max=opened.fd_limit if opened else None,
            )
        )
    return tuple(found)


def _dom0(snapshot: Snapshot) -> Dom0Row | None:
    cpus = snapshot.dom0_cpus
    if cpus is None:
        return None
    seconds: defaultdict[str, float] = defaultdict(float)
    for modes in cpus.seconds.values():
        for mode, spent in modes.items():
            seconds[mode] += spent
    return Dom0Row(
        len(cpus.seconds), dict(seconds), cpus.load, cpus.runnable, cpus.blocked, cpus.steal_ratio
    )
