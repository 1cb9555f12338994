"""The differences between platforms: versions, paths, daemons, limits, drivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.mounts import Mount
from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.text import version_pair
from xenwatch.parse.thin_pools import ThinPool
from xenwatch.parse.volume_groups import VolumeGroup
from xenwatch.parse.zoneinfo import Zone
from xenwatch.values import dataclass

XL: Final = "xl"
XAPI: Final = "xapi"

TWO_LEVEL_32: Final = 32 * 32
TWO_LEVEL_64: Final = 64 * 64
XENSERVER_6_2_CHANNELS: Final = 4096
"""What XenServer 6.2 gave its 32-bit dom0 and no other guest."""
THREE_LEVEL_64: Final = 64 * 64 * 64
"""The ABI of the 3,000 domains experiment, which Xen never took."""
FIFO: Final = 1 << 17


REPOSITORY: Final = "e3cd2b07-8f4d-4b0c-9a3d-5f4c1f1f0a11"
"""The storage repository of all disks under xapi, on NFS."""
REPOSITORY_SIZE: Final = Statvfs(1048576, 4194304, 2726297, 2726297, 268435456, 268104211)
"""4 TiB, of which 35 % are used."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that runs before any guest does.

    `fds` are the targets of its descriptors, `sockets` how many more of them are sockets; `group`
    is its control group. `selects` is whether it waits with select(2), which bears descriptors
    below 1,024 alone.
    """

    comm: str
    argv: tuple[str, ...]
    pid_file: str = ""
    nofile: tuple[int, int] = (1024, 1048576)
    fds: tuple[str, ...] = ()
    sockets: int = 0
    threads: int = 1
    group: str = "/system.slice/xen.service"
    selects: bool = False


@dataclass(frozen=True, slots=True)
class Drivers:
    """How devices are served: what QEMU, tapdisk, netback and the toolstack take for each.

    `qemu_channels` are the event channels of QEMU for each vCPU and beside them, `qemu_clients`
    its connections to xenstored, `vif_channels` those of a queue of a network interface.
    `control_ring` is whether Windows has one more for each interface, `helpers` the processes there
    may be for a VM alone, named as in `xenwatch.model.helpers`. `vif_grants` are dom0's own grant
    entries for an interface of an HVM guest (receive-side copy). Sizes are in KiB: `low_kib` is low
    memory for each VM, `channel_kib` dom0's memory for each event channel. `xl_stays` is whether
    `xl create` does.
    """

    qemu_channels: tuple[int, int] = (1, 1)
    qemu_clients: int = 3
    qemu_kib: int = 12600
    qemu_threads: int = 7
    tapdisk_kib: int = 6200
    vif_channels: int = 2
    vif_threads: bool = True
    vif_kib: int = 1200
    control_ring: bool = False
    helpers: frozenset[str] = frozenset()
    vif_grants: int = 0
    low_kib: int = 0
    channel_kib: int = 0
    xl_stays: bool = True


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of host.

    `channels` are the event channels of dom0's ABI, port 0 included. `pirqs` are dom0's physical
    interrupts with their names, `legacy` those of them below 16. `console_log` is whether
    xenconsoled keeps a log of each guest, `aio` the requests one tapdisk asks for (0: no blktap),
    `minors` how many minors blktap has, or ids where `blktap_ids`; `tasks` the threads of a host
    without guests. Paths of `settings` are files of one line; `meminfo` is kibibytes by name, in
    the file's order. `frame_entries` are the grant entries of a frame of dom0's,
    `own_frames` its frames at boot, `bridges`
    how many Linux bridges there are, numbered behind `bridge`. `zones` are those of a kernel with
    high memory, whose Normal has what is free of low memory beside DMA. `host_kib` is the memory of
    the host. `slices` are weights in
    the scale of `cgroup_version` (0: no control groups), `control_members` the services that
    drop-ins put into control.slice, `guest_group` the control group of QEMUs and of
    `xl create`. `netback_queues` is what somebody has set netback's max_queues to.
    `bond` is whether Open vSwitch has a bond of two physical interfaces. `repository` is where the
    storage repository of the disks is mounted, empty where there is none, `portals` those of an
    iSCSI SAN (0: there is none), `thin_pool` a pool of the device mapper. `certificates` is when
    the certificate in each PEM file ends (Unix time). `ha` is whether the pool has high
    availability.
    """

    name: str
    toolstack: str
    xen: tuple[int, int]
    xen_extra: str
    xen_command_line: str
    release: str
    version: str
    command_line: str
    vcpus: int
    memory_kib: int
    boot: KernelLog
    tools: str
    qemu: str
    daemons: tuple[Daemon, ...]
    pirqs: Mapping[int, str]
    bridge: str
    bridge_kind: str
    console_log: bool
    aio: int
    tasks: int
    os_release: Mapping[str, str]
    cgroup_version: int
    slices: Mapping[str, int]
    guest_group: str
    mounts: tuple[Mount, ...]
    file_systems: Mapping[str, Statvfs]
    settings: Mapping[str, str]
    meminfo: Mapping[str, int]
    inventory: Mapping[str, str] = field(default_factory=dict)
    control_members: tuple[str, ...] = ()
    max_grant_frames: int = 64
    max_maptrack_frames: int = 1024
    host_kib: int = 16 << 30
    frame_entries: int = 512
    own_frames: int = 1
    bridges: int = 1
    machine: str = "x86_64"
    channels: int = FIFO
    minors: int = 0
    blktap_ids: bool = False
    zones: tuple[Zone, ...] = ()
    drivers: Drivers = Drivers()
    netback_queues: int = 0
    bond: bool = False
    repository: str = ""
    portals: int = 0
    thin_pool: ThinPool | None = None
    volume_groups: tuple[VolumeGroup, ...] = ()
    certificates: Mapping[str, float] = field(default_factory=dict)
    ha: bool = False

    @property
    def blktap(self) -> bool:
        """Whether disks are served by tapdisks."""
        return self.aio > 0

    @property
    def max_queues(self) -> int:
        """Queues netback gives a network interface, by its own default as many as dom0 has vCPUs.

        From Linux 4.11 on those are 8 at most (drivers/net/xen-netback/netback.c).
        """
        if self.drivers.vif_channels == 1:
            return 1
        default = self.vcpus if self.kernel < (4, 11) else min(8, self.vcpus)
        return self.netback_queues or default

    @property
    def kernel(self) -> tuple[int, int]:
        """The kernel's version."""
        return version_pair(self.release) or (0, 0)


def sizes(text: str) -> dict[str, int]:
    """KiB by name from `NAME KIB NAME KIB ...`."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def mounts(text: str) -> tuple[Mount, ...]:
    """Mounts from lines of device, mount point, type and options."""
    return tuple(Mount(*line.split()) for line in text.encode().splitlines())


PRIVCMD: Final = ("/dev/xen/privcmd", "/dev/xen/hypercall", "/dev/xen/privcmd")
NULL: Final = ("/dev/null",) * 3
OXENSTORED_FDS: Final = (
    *NULL,
    *PRIVCMD,
    *PRIVCMD,
    "/var/log/xen/xenstored.log",
    "/dev/xen/evtchn",
    "/var/log/xen/xenstored-access.log",
)
XENCONSOLED_FDS: Final = (
    *NULL,
    *PRIVCMD,
    *PRIVCMD,
    "/dev/xen/gntdev",
    "/dev/xen/privcmd",
    "pipe:[34501]",
    "pipe:[34501]",
)
LEGACY_IRQS: Final = {1: "i8042", 6: "floppy", 7: "parport0", 8: "rtc0", 9: "acpi", 12: "i8042"}
