"""What the probes saw: frozen values, `None` where a reading could not be had.

A `Snapshot` has one field for each probe, named as the probe. The value is `None` while the probe
failed, does not apply or has not run; `outcomes` says which.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Final

from xenwatch.errors.kinds import KERNEL, XEN
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.certificates import Certificates
from xenwatch.readings.clock import Clock
from xenwatch.readings.control_path import ControlPath
from xenwatch.readings.datapath import Datapath
from xenwatch.readings.devices import INITIALISING, Backends, DeviceKey, XenstoreDevices
from xenwatch.readings.disks import Disks
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.readings.domains import Domain, Domains, Identity
from xenwatch.readings.event_channels import DriverDomains, EventChannels, Irqs
from xenwatch.readings.grants import Grants, Maptrack
from xenwatch.readings.guest_storage import StorageRepositories, ThinPools, VolumeGroups
from xenwatch.readings.ha import Ha
from xenwatch.readings.host import Host
from xenwatch.readings.kernel_tables import KernelTables, Nbds
from xenwatch.readings.log_messages import LogMessages
from xenwatch.readings.memory import HostMemory, Memory
from xenwatch.readings.memory_pressure import MemoryPressure
from xenwatch.readings.moment import Moment
from xenwatch.readings.netback_rings import NetbackRings
from xenwatch.readings.open_files import OpenFiles
from xenwatch.readings.openvswitch import OpenVswitch
from xenwatch.readings.origin import LIVE, Origin
from xenwatch.readings.processes import DaemonFds, Daemons, Pids, Ptys, QemuFds
from xenwatch.readings.qemus import Qemus, WakeupsByCause
from xenwatch.readings.reboot_pending import RebootPending
from xenwatch.readings.scheduling import Scheduling
from xenwatch.readings.slices import Slices
from xenwatch.readings.storage import Aio, Blktap, FileSystems, Loops
from xenwatch.readings.storage_paths import IscsiSessions, Multipath, NfsRepositories
from xenwatch.readings.uplinks import Uplinks
from xenwatch.readings.vm_processes import VmProcesses
from xenwatch.readings.vm_starts import VmStarts
from xenwatch.readings.xenstore import Xenstore
from xenwatch.readings.xenstore_quotas import XenstoreQuotas
from xenwatch.values import dataclass


class Status(enum.Enum):
    """How a probe's last run ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one probe's last run went.

    `detail` is the reason of a failure, why the probe does not apply, or why it took its other
    road. `seconds` is wall-clock time, `cpu_seconds` that of the thread and its programs, `instant`
    when it was read, by the monotonic clock. `starved` is whether the run is, or came, later than
    its deadline although it got on.
    """

    status: Status
    detail: str = ""
    instant: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    starved: bool = False


PARTS: Final = frozenset({"domids", "running", "identities"})
"""Properties made of what seldom changes in a reading that is another in each pass."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One pass: a field for each probe, and the outcome of each.

    `time` is when the newest of it was read, as Unix time, and `instant` by the monotonic clock.
    Two are equal where the probes read the same, whatever the `origin`. Without slots, as it is
    copied for each run of a probe.
    """

    time: float = 0.0
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    host: Host | None = None
    event_channels: EventChannels | None = None
    irqs: Irqs | None = None
    domains: Domains | None = None
    grants: Grants | None = None
    maptrack: Maptrack | None = None
    blktap: Blktap | None = None
    aio: Aio | None = None
    daemons: Daemons | None = None
    daemon_fds: DaemonFds | None = None
    ptys: Ptys | None = None
    memory: Memory | None = None
    memory_pressure: MemoryPressure | None = None
    pids: Pids | None = None
    open_files: OpenFiles | None = None
    kernel_tables: KernelTables | None = None
    nbds: Nbds | None = None
    bridges: Bridges | None = None
    openvswitch: OpenVswitch | None = None
    uplinks: Uplinks | None = None
    loops: Loops | None = None
    file_systems: FileSystems | None = None
    backends: Backends | None = None
    xenstore: Xenstore | None = None
    xenstore_devices: XenstoreDevices | None = None
    xenstore_quotas: XenstoreQuotas | None = None
    vm_starts: VmStarts | None = None
    driver_domains: DriverDomains | None = None
    host_memory: HostMemory | None = None
    slices: Slices | None = None
    control_path: ControlPath | None = None
    scheduling: Scheduling | None = None
    dom0_cpus: Dom0Cpus | None = None
    clock: Clock | None = None
    ha: Ha | None = None
    datapath: Datapath | None = None
    netback_rings: NetbackRings | None = None
    disks: Disks | None = None
    storage_repositories: StorageRepositories | None = None
    thin_pools: ThinPools | None = None
    volume_groups: VolumeGroups | None = None
    multipath: Multipath | None = None
    iscsi_sessions: IscsiSessions | None = None
    nfs_repositories: NfsRepositories | None = None
    kernel_log: LogMessages | None = None
    xen_console: LogMessages | None = None
    qemus: Qemus | None = None
    qemu_fds: QemuFds | None = None
    qemu_wakeups_by_cause: WakeupsByCause | None = None
    vm_processes: VmProcesses | None = None
    certificates: Certificates | None = None
    reboot_pending: RebootPending | None = None
    origin: Origin = field(default=LIVE, compare=False)
    instant: float = 0.0

    def copy(self, fields: Mapping[str, object]) -> Snapshot:
        """The same with these fields, as `dataclasses.replace` has it at ten times the cost."""
        found = object.__new__(Snapshot)
        own = vars(found)
        own.update(vars(self))
        for name in PARTS:
            own.pop(name, None)
        own.update(fields)
        return found

    @property
    def moment(self) -> Moment:
        """When the newest of it was read."""
        return Moment(self.time, self.instant)

    @functools.cached_property
    def domids(self) -> tuple[int, ...] | None:
        """Those of all domains, `None` where they were not read."""
        if self.domains is None:
            return None
        return tuple(domain.domid for domain in self.domains.domains)

    @functools.cached_property
    def running(self) -> frozenset[int]:
        """Domains whose kernel may use its devices: not paused, shut down, crashed or dying.

        A domain whose state was not read counts: that it runs is likely, and a fault is not to
        hide.
        """
        return frozenset(each.domid for each in self._domains() if each.state in _RUNNING)

    @functools.cached_property
    def identities(self) -> tuple[Identity, ...]:
        """What all domains are, none where they were not read."""
        return tuple(
            Identity(each.domid, each.uuid, each.name, each.type) for each in self._domains()
        )

    def _domains(self) -> tuple[Domain, ...]:
        return self.domains.domains if self.domains is not None else ()

    def name(self, domain: Domain | Identity) -> bytes | None:
        """A domain's present name in xenstore, else its last known one."""
        names = self.xenstore.names if self.xenstore is not None else {}
        return names.get((domain.domid, domain.uuid), domain.name)

    def logs(self) -> Mapping[str, LogMessages]:
        """Messages of trouble by log, of the logs that were read."""
        found = {KERNEL: self.kernel_log, XEN: self.xen_console}
        return {log: messages for log, messages in found.items() if messages is not None}

    def device_states(self) -> Mapping[DeviceKey, str]:
        """The state of every backend device, from sysfs or xenstore.

        A device whose state is only in xenstore, and was not read, is omitted.
        """
        if self.backends is None:
            return {}
        in_xenstore = self.xenstore_devices.states if self.xenstore_devices is not None else {}
        found = {
            key: in_xenstore[key] if state == INITIALISING else state
            for key, state in self.backends.states.items()
            if state != INITIALISING or key in in_xenstore
        }
        return found | {key: in_xenstore[key] for key in self._elsewhere()}

    def device_counts(self, classes: frozenset[str]) -> Mapping[int, int]:
        """Devices of these classes by domid, whichever domain serves them.

        A domain of which not all devices are known is omitted.
        """
        if self.backends is None or self.xenstore_devices is None:
            return {}
        counts = Counter(dict.fromkeys(self.domids or (), 0))
        counts.update(key.domid for key in self._devices(classes))
        unlisted = self.xenstore_devices.unlisted
        return {domid: count for domid, count in counts.items() if domid not in unlisted}

    def served_devices(self, classes: frozenset[str]) -> Mapping[int, int]:
        """Devices of these classes by the domid that serves them."""
        return Counter(key.backend_domid for key in self._devices(classes))

    def _devices(self, classes: frozenset[str]) -> tuple[DeviceKey, ...]:
        here = self.backends.states if self.backends is not None else {}
        return tuple(key for key in (*here, *sorted(self._elsewhere())) if key.cls in classes)

    def _elsewhere(self) -> frozenset[DeviceKey]:
        return self.xenstore_devices.elsewhere if self.xenstore_devices is not None else frozenset()


_RUNNING: Final = ("running", "blocked", None)
_OTHER: Final = frozenset({"time", "instant", "outcomes", "origin"})
READINGS: Final = tuple(each.name for each in fields(Snapshot) if each.name not in _OTHER)
"""The fields of a snapshot that probes fill, by the names of these."""
