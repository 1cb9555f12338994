"""One VM of a host: its part of each limit, its devices, wakeups, disks, network and advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from xenwatch.advice.qemu_wakeups import Advice, advise, toolstack
from xenwatch.advice.rendering import command
from xenwatch.assessment import Assessment
from xenwatch.assessment.vif_faults import vif_faults
from xenwatch.limits import dom0_memory, event_channels, host_memory, tasks
from xenwatch.limits.base import Limit
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.disks import Transfers, VirtualDisk
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import AlertRow, HostStatus, LimitRow
from xenwatch.status.rates import Rates
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """What a VM uses of a limit that all VMs share; `None` where unknown."""

    limit: str
    title: str
    unit: str
    used: int | None
    max: int | None

    @property
    def ratio(self) -> float | None:
        """Its part of the max, 0 to 1."""
        return self.used / self.max if self.used is not None and self.max else None


@dataclass(frozen=True, slots=True)
class Device:
    """A device: its state as the backend has it, and what is wrong with it, empty if nothing."""

    name: str
    backend_domid: int
    state: str
    fault: str


@dataclass(frozen=True, slots=True)
class Wakeups:
    """A QEMU: wakeups in all, and by the second as far as known, and its part of a CPU.

    `timer` and `io` are what ended its polls, a second.
    """

    devices: tuple[str, ...]
    total: int
    rate: float | None
    timer: float | None
    io: float | None
    cpu: float | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Reads or writes of a disk: requests and bytes a second, mean seconds of a request."""

    requests: float | None
    bytes: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a VM; numbers as in `VirtualDisk`."""

    devid: int
    backend: str
    storage: str | None
    read: Transfer
    write: Transfer
    in_flight: int | None
    stalled_seconds: float | None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; the drops are packets in all, rings as `used of slots`."""

    name: str
    up: bool
    attached: bool | None
    queues: int | None
    from_guest_dropped: int | None
    to_guest_dropped: int | None
    stopped_queues: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A setting that reduces wakeups: the device, the command or change, what the VM loses."""

    device: str
    command: str
    cost: str


@dataclass(frozen=True, slots=True)
class VmStatus:
    """What is known of a VM. `own` are the limits that are its alone."""

    row: DomainRow
    own: tuple[LimitRow, ...]
    shares: tuple[Share, ...]
    alerts: tuple[AlertRow, ...]
    devices: tuple[Device, ...]
    wakeups: Wakeups | None
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    steps: tuple[Step, ...]
    kept: str


def find(status: HostStatus, name: str) -> tuple[DomainRow, ...]:
    """The domains but dom0 of that UUID, else of that name, else with that domid."""
    guests = [row for row in status.domains or () if row.domid]
    for has in (
        lambda row: row.uuid.casefold() == name.casefold(),
        lambda row: row.name == name,
        lambda row: str(row.domid) == name,
    ):
        found = tuple(filter(has, guests))
        if found and name:
            # Of a VM that reboots, the domain that is not dying.
            return tuple(sorted(found, key=lambda row: (row.state == "dying", -row.domid)))
    return ()


def vm_status(
    assessment: Assessment, status: HostStatus, row: DomainRow, earlier: Snapshot | None
) -> VmStatus:
    """What is known of a domain; rates are those since `earlier`."""
    snapshot, domid = assessment.snapshot, row.domid
    rates = Rates(snapshot, earlier)
    advice = next((each for each in advise(snapshot, earlier) if each.domid == domid), None)
    return VmStatus(
        row=row,
        own=tuple(
            each for each in status.limits if each.label == "domid" and each.instance == str(domid)
        ),
        shares=tuple(_share(limit, snapshot, domid) for limit in SHARED),
        alerts=tuple(each for each in status.alerts or () if _is_about(each, row)),
        devices=_devices(snapshot, domid),
        wakeups=_wakeups(rates, domid),
        disks=_disks(rates, domid),
        interfaces=_interfaces(snapshot, domid),
        steps=_steps(advice, toolstack(snapshot)),
        kept=advice.kept if advice is not None else "",
    )


def _is_about(alert: AlertRow, row: DomainRow) -> bool:
    uuid = alert.labels.get("uuid")
    return uuid == row.uuid if uuid else alert.labels.get("domid") == str(row.domid)


def _channels(snapshot: Snapshot, domid: int) -> int | None:
    found = snapshot.event_channels
    return None if found is None else found.by_domain.get(domid, 0)


def _memory(snapshot: Snapshot, domid: int) -> int | None:
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    return next((each.memory_bytes for each in domains if each.domid == domid), None)


def _dom0_memory(snapshot: Snapshot, domid: int) -> int | None:
    use = snapshot.vm_processes.by_domid.get(domid) if snapshot.vm_processes is not None else None
    return None if use is None else use.memory_bytes


def _tasks(snapshot: Snapshot, domid: int) -> int | None:
    use = snapshot.vm_processes.by_domid.get(domid) if snapshot.vm_processes is not None else None
    return None if use is None else use.tasks


SHARED: Final[Mapping[str, tuple[Limit, Callable[[Snapshot, int], int | None]]]] = {
    limit.name: (limit, used)
    for limit, used in (
        (event_channels.LIMIT, _channels),
        (dom0_memory.LIMIT, _dom0_memory),
        (tasks.LIMIT, _tasks),
        (host_memory.LIMIT, _memory),
    )
}
"""Limits that all VMs share, and what a VM uses of each in the limit's own unit."""


def _share(name: str, snapshot: Snapshot, domid: int) -> Share:
    limit, used = SHARED[name]
    maximum = next(iter(limit.max(snapshot).values()), None)
    return Share(
        name,
        limit.title,
        limit.unit,
        used(snapshot, domid),
        None if maximum is None else maximum.value,
    )


def _devices(snapshot: Snapshot, domid: int) -> tuple[Device, ...]:
    faults: dict[DeviceKey, str] = {
        key: fault for key, fault in vif_faults(snapshot).items() if key.domid == domid
    }
    errors = snapshot.xenstore_devices.errors if snapshot.xenstore_devices is not None else ()
    faults |= {error.device: error.text for error in errors if error.device.domid == domid}
    states = {key: state for key, state in snapshot.device_states().items() if key.domid == domid}
    return tuple(
        Device(
            f"{key.cls} {key.devid}",
            key.backend_domid,
            states.get(key, "unknown"),
            faults.get(key, ""),
        )
        for key in sorted({*states, *faults})
    )


def _wakeups(rates: Rates, domid: int) -> Wakeups | None:
    now, earlier = rates.now, rates.earlier
    qemu = now.qemus.by_domid.get(domid) if now.qemus is not None else None
    if qemu is None:
        return None
    then = earlier.qemus.by_domid.get(domid) if earlier and earlier.qemus is not None else None
    if then is not None and (then.pid, then.start_ticks) != (qemu.pid, qemu.start_ticks):
        then = None
    causes = [
        each.qemu_wakeups_by_cause.by_domid.get(domid)
        if each is not None and each.qemu_wakeups_by_cause is not None
        else None
        for each in (now, earlier)
    ]

    def cause(name: str) -> float | None:
        values = [None if each is None else getattr(each, name) for each in causes]
        return rates.rate("qemu_wakeups_by_cause", values[0], values[1])

    return Wakeups(
        devices=qemu.devices,
        total=qemu.wakeups,
        rate=rates.rate("qemus", qemu.wakeups, then.wakeups if then else None),
        timer=cause("timer"),
        io=cause("io"),
        cpu=rates.rate("qemus", qemu.cpu_seconds, then.cpu_seconds if then else None),
    )


def _disks(rates: Rates, domid: int) -> tuple[Disk, ...]:
    found = rates.now.disks.by_device if rates.now.disks is not None else {}
    earlier = rates.earlier.disks if rates.earlier is not None else None
    before = earlier.by_device if earlier is not None else {}
    return tuple(
        _disk(rates, devid, disk, before.get((owner, devid)))
        for (owner, devid), disk in sorted(found.items())
        if owner == domid
    )


def _disk(rates: Rates, devid: int, disk: VirtualDisk, then: VirtualDisk | None) -> Disk:
    return Disk(
        devid,
        disk.backend,
        disk.storage,
        _transfer(rates, disk.read, then.read if then else None),
        _transfer(rates, disk.write, then.write if then else None),
        disk.in_flight,
        disk.stalled_seconds,
    )


def _transfer(rates: Rates, now: Transfers, then: Transfers | None) -> Transfer:
    def rate(name: str) -> float | None:
        before = None if then is None else getattr(then, name)
        return rates.rate("disks", getattr(now, name), before)

    requests, waited = rate("requests"), rate("wait_seconds")
    mean = waited / requests if requests and waited is not None else None
    return Transfer(requests, rate("bytes"), mean)


def _interfaces(snapshot: Snapshot, domid: int) -> tuple[Interface, ...]:
    vifs = snapshot.datapath.vifs if snapshot.datapath is not None else {}
    rings = snapshot.netback_rings.by_vif if snapshot.netback_rings is not None else {}
    return tuple(
        Interface(
            name,
            vif.up,
            vif.attached,
            vif.queues,
            vif.rx_dropped,
            vif.tx_dropped,
            rings[name].stopped if name in rings else None,
        )
        for name, vif in sorted(vifs.items())
        if vif.domid == domid
    )


def _steps(advice: Advice | None, stack: str) -> tuple[Step, ...]:
    if advice is None:
        return ()
    return tuple(
        Step(each.device, command(stack, each, advice.uuid), each.cost) for each in advice.remedies
    )
