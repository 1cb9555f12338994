"""What the probes saw: frozen values, `None` where a reading could not be had.

A `Snapshot` has one field for each probe, named as the probe. The value is `None` while the probe
failed, does not apply or has not run; `outcomes` says which.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from xenwatch.readings_qemu import Qemus, WakeupsByCause
from xenwatch.readings_soft import (
    ControlPath,
    Datapath,
    Disks,
    Dom0Cpus,
    NetbackRings,
    Slices,
)

INITIALISING: Final = "Initialising"
"""The state sysfs shows of every device that has no driver in dom0's kernel."""


class Status(enum.Enum):
    """How a probe's last run ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one probe's last run went.

    `detail` is the reason of a failure, or why the probe does not apply. `seconds` is wall-clock
    time, `cpu_seconds` that of the thread and its programs, `time` when it was read (Unix time).
    """

    status: Status
    detail: str = ""
    time: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Abi:
    """An event-channel ABI: `2-level-32`, `2-level-64` or `fifo`, ports in all, and how known."""

    name: str
    ports: int
    origin: str


@dataclass(frozen=True, slots=True)
class Host:
    """What kind of host this is. Versions are (major, minor); texts are empty when unknown.

    `platform` is xenserver, xcp-ng, debian, another os-release ID, or empty; `platform_version` its
    own version ("8.3"). `nr_irqs` is the kernel's NR_IRQS from its log, `netback_queues` how many
    netback gives an interface at most.
    """

    xen: tuple[int, int] | None
    xen_version: str
    xen_command_line: str
    kernel: tuple[int, int]
    kernel_release: str
    machine: str
    kernel_command_line: str
    platform: str
    platform_version: str
    cgroup_version: int | None
    is_dom0: bool
    abi: Abi | None
    nr_irqs: int | None
    netback_queues: int | None = None


@dataclass(frozen=True, slots=True)
class EventChannels:
    """dom0's event channels. `by_domain` counts the interdomain and unbound ones by remote domain.

    `slots` is how far Xen has allocated the table (what one scan costs), `highest` the highest
    port in use, `route` is `hypercall` or `lsevtchn`. Kinds: unbound, interdomain, pirq, virq,
    ipi, xen (owned by Xen itself, EACCES), unknown.
    """

    by_kind: Mapping[str, int]
    by_domain: Mapping[int, int]
    slots: int | None
    highest: int
    route: str

    @property
    def used(self) -> int:
        """Ports that are not closed."""
        return sum(self.by_kind.values())


@dataclass(frozen=True, slots=True)
class Irqs:
    """Linux interrupt descriptors in use."""

    used: int


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain. `name` is the last one known of it (`Snapshot.name` has the present one).

    `type` is pv, pvh, hvm or `None`;
    `state` is running, blocked, paused, shutdown, crashed or dying. `uuid` is canonical text.
    """

    domid: int
    uuid: str
    name: bytes | None
    type: str | None
    state: str | None
    vcpus_online: int | None
    vcpus_max: int | None
    memory_bytes: int | None
    cpu_seconds: float | None

    @property
    def alive(self) -> bool:
        """Whether the domain is one that runs or may run: a dying one only holds resources."""
        return self.state != "dying"


@dataclass(frozen=True, slots=True)
class Domains:
    """All domains, dom0 included, by rising domid. `route` is `hypercall` or `xenstore`."""

    domains: tuple[Domain, ...]
    route: str


@dataclass(frozen=True, slots=True)
class GrantFrames:
    """Frames of one domain's grant table: how many it has and may have."""

    used: int
    max: int


@dataclass(frozen=True, slots=True)
class Grants:
    """Grant-table frames (a high-water mark) by domain; dom0's under 0."""

    frames: Mapping[int, GrantFrames]


@dataclass(frozen=True, slots=True)
class Maptrack:
    """Maptrack frames of dom0 (a high-water mark; entries in use are not readable)."""

    used: int
    max: int


@dataclass(frozen=True, slots=True)
class Blktap:
    """blktap's identifiers in use. `regime` is `minor` (kernel driver) or `id` (blktap 4)."""

    regime: str
    identifiers: int
    tapdisks: int | None


@dataclass(frozen=True, slots=True)
class Aio:
    """aio requests as `/proc/sys/fs/aio-nr` and `aio-max-nr` count them."""

    nr: int
    max_nr: int


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """A control-path daemon: descriptors in use and its own soft limit (`None`: unlimited)."""

    pid: int
    comm: str
    fds: int
    fd_limit: int | None


@dataclass(frozen=True, slots=True)
class Daemons:
    """The control-path daemons that run here by role: xenstored, xenconsoled, xapi."""

    by_role: Mapping[str, DaemonProcess]


@dataclass(frozen=True, slots=True)
class Ptys:
    """Pseudo-terminals in use and the kernel's maximum."""

    nr: int
    max: int


@dataclass(frozen=True, slots=True)
class Memory:
    """dom0's memory in bytes. `low_*` is the low zone of a 32-bit highmem kernel, else `None`.

    `available` is MemAvailable (Linux >= 3.14).

    `balloon_target` and `balloon_current` are what Xen's balloon driver aims at and has.
    """

    total: int
    available: int | None
    free: int
    low_total: int | None
    low_free: int | None
    swap_total: int
    swap_free: int
    slab: int | None
    slab_unreclaimable: int | None
    balloon_target: int | None
    balloon_current: int | None


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Xen's memory in bytes: all of it, and what is neither in use nor claimed."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Pids:
    """Tasks (threads) and the kernel's two limits on them."""

    tasks: int
    pid_max: int
    threads_max: int


@dataclass(frozen=True, slots=True)
class Bridges:
    """Ports by bridge; `kinds` says bridge, openvswitch or openvswitch-1 (with ports in sysfs)."""

    ports: Mapping[str, int]
    kinds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loops:
    """Loop devices with a backing file, and what bounds them.

    `max_loop` and `max_part` are the module's parameters (`None`: module without them).
    """

    used: int
    max_loop: int | None
    max_part: int | None


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Size and use of a file system in bytes (use counts what root may not give away too)."""

    used: int
    size: int


@dataclass(frozen=True, slots=True)
class FileSystems:
    """dom0's root and log file systems by mount point, in bytes."""

    by_mount_point: Mapping[str, FileSystem]


@dataclass(frozen=True, slots=True)
class Xenstore:
    """What xenstored says of the domains: each one's name in xenstore's own bytes.

    `uuids` remembers which domain a name was read for, `cursor` where to go on re-reading.
    """

    names: Mapping[int, bytes]
    uuids: Mapping[int, str]
    cursor: int


@dataclass(frozen=True, slots=True, order=True)
class DeviceKey:
    """A backend device: class (vbd, vif, ...), the frontend's domid, device id."""

    cls: str
    domid: int
    devid: int


@dataclass(frozen=True, slots=True)
class Backends:
    """State by backend device as sysfs has it: an XenbusState name such as Connected.

    Devices whose backend is a process (`vbd3`, `qdisk`, `vkbd`, consoles) always read Initialising
    here; `XenstoreDevices` knows better.
    """

    states: Mapping[DeviceKey, str]


@dataclass(frozen=True, slots=True)
class DeviceError:
    """An error node in xenstore about a living domain's device.

    `side` is backend or frontend, `errno` the leading number of the text (positive; 0: none).
    """

    device: DeviceKey
    side: str
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class XenstoreDevices:
    """States and error nodes of the devices that sysfs does not call connected."""

    states: Mapping[DeviceKey, str]
    errors: tuple[DeviceError, ...]
    cursor: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pass: a field for each probe, and how each probe fared.

    `kept` has the last value of each probe that fails now, for that probe alone: what it knew of
    counters and processes is not lost by one failure.
    """

    time: float = 0.0
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    host: Host | None = None
    event_channels: EventChannels | None = None
    irqs: Irqs | None = None
    domains: Domains | None = None
    grants: Grants | None = None
    maptrack: Maptrack | None = None
    blktap: Blktap | None = None
    aio: Aio | None = None
    daemons: Daemons | None = None
    ptys: Ptys | None = None
    memory: Memory | None = None
    pids: Pids | None = None
    bridges: Bridges | None = None
    loops: Loops | None = None
    file_systems: FileSystems | None = None
    backends: Backends | None = None
    xenstore: Xenstore | None = None
    xenstore_devices: XenstoreDevices | None = None
    host_memory: HostMemory | None = None
    slices: Slices | None = None
    control_path: ControlPath | None = None
    dom0_cpus: Dom0Cpus | None = None
    datapath: Datapath | None = None
    netback_rings: NetbackRings | None = None
    disks: Disks | None = None
    qemus: Qemus | None = None
    qemu_wakeups_by_cause: WakeupsByCause | None = None

    def last(self, probe: str) -> Any:
        """What the probe read last, even if it fails now; `None` if it never read anything."""
        return self.kept.get(probe, getattr(self, probe))

    def name(self, domain: Domain) -> bytes | None:
        """A domain's name as xenstore has it now, else the one last known for it."""
        if self.xenstore is not None and self.xenstore.uuids.get(domain.domid) == domain.uuid:
            return self.xenstore.names.get(domain.domid, domain.name)
        return domain.name

    def device_states(self) -> Mapping[DeviceKey, str]:
        """The state of every backend device, from whichever place knows it.

        A device whose state only xenstore could tell, and did not, is left out.
        """
        if self.backends is None:
            return {}
        told = self.xenstore_devices.states if self.xenstore_devices is not None else {}
        return {
            key: told[key] if state == INITIALISING else state
            for key, state in self.backends.states.items()
            if state != INITIALISING or key in told
        }
