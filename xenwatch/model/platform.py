"""What tells one platform from another: versions, paths, daemons, how devices are served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.mounts import Mount
from xenwatch.parse.statvfs import Statvfs

XL: Final = "xl"
XAPI: Final = "xapi"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that runs before any guest does.

    `fds` are the targets of its descriptors, `sockets` how many more of them are sockets.
    """

    comm: str
    argv: tuple[str, ...]
    pid_file: str = ""
    nofile: tuple[int, int] = (1024, 1048576)
    fds: tuple[str, ...] = ()
    sockets: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of host.

    `pirqs` are dom0's physical interrupts with their names, `legacy` those of them below 16.
    `console_log` is whether xenconsoled keeps a log of each guest, `aio` the requests one tapdisk
    asks for (0: no blktap), `tasks` the threads of a host without guests. Paths of `settings` are
    files of one line; `meminfo` is kibibytes by name, in the file's order.
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
    cgroups: tuple[str, ...]
    mounts: tuple[Mount, ...]
    file_systems: Mapping[str, Statvfs]
    settings: Mapping[str, str]
    meminfo: Mapping[str, int]
    inventory: Mapping[str, str] = field(default_factory=dict)
    max_grant_frames: int = 64
    max_maptrack_frames: int = 1024

    @property
    def blktap(self) -> bool:
        """Whether disks are served by tapdisks."""
        return self.aio > 0


def _sizes(text: str) -> dict[str, int]:
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _mounts(text: str) -> tuple[Mount, ...]:
    return tuple(Mount(*line.split()) for line in text.encode().splitlines())


_PRIVCMD: Final = ("/dev/xen/privcmd", "/dev/xen/hypercall", "/dev/xen/privcmd")
_NULL: Final = ("/dev/null",) * 3
_OXENSTORED_FDS: Final = (
    *_NULL,
    *_PRIVCMD,
    *_PRIVCMD,
    "/var/log/xen/xenstored.log",
    "/dev/xen/evtchn",
    "/var/log/xen/xenstored-access.log",
)
_XENCONSOLED_FDS: Final = (
    *_NULL,
    *_PRIVCMD,
    *_PRIVCMD,
    "/dev/xen/gntdev",
    "/dev/xen/privcmd",
    "pipe:[34501]",
    "pipe:[34501]",
)
_LEGACY_IRQS: Final = {1: "i8042", 6: "floppy", 7: "parport0", 8: "rtc0", 9: "acpi", 12: "i8042"}

DEBIAN_12: Final = Platform(
    name="debian-12",
    toolstack=XL,
    xen=(4, 17),
    xen_extra=".7",
    xen_command_line="dom0_mem=2G,max:2G dom0_max_vcpus=2 loglvl=all guest_loglvl=all",
    release="6.1.0-56-amd64",
    version="#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
    command_line="root=/dev/vda rw console=hvc0 net.ifnames=0",
    vcpus=2,
    memory_kib=2097152,
    boot=KernelLog(fifo=True, nr_irqs=524544, complete=True),
    tools="/usr/lib/xen-4.17/bin",
    qemu="/usr/libexec/xen-qemu-system-i386",
    daemons=(
        Daemon(
            "oxenstored",
            ("/usr/lib/xen-4.17/bin/oxenstored", "--pid-file", "/run/xenstore.pid"),
            "/run/xen/xenstored.pid",
            (1048576, 1048576),
            _OXENSTORED_FDS,
            4,
        ),
        Daemon(
            "xenconsoled",
            ("/usr/lib/xen-4.17/bin/xenconsoled", "--log=guest"),
            "/run/xenconsoled.pid",
            (132008, 132008),
            _XENCONSOLED_FDS,
            1,
            threads=2,
        ),
        Daemon(
            "xen-qemu-system",
            ("/usr/libexec/xen-qemu-system-i386", "-xen-domid", "0", "-xen-attach", "-M", "xenpv"),
            "/run/qemu-dom0.pid",
            fds=(*_NULL, *_PRIVCMD, "anon_inode:[eventpoll]"),
            sockets=2,
            threads=4,
        ),
    ),
    pirqs={
        **_LEGACY_IRQS,
        14: "ata_piix",
        15: "ata_piix",
        415: "virtio0-config",
        414: "virtio0-req.0",
        413: "virtio0-req.1",
        412: "virtio1-config",
        411: "virtio1-input.0",
        410: "virtio1-output.0",
    },
    bridge="xenbr0",
    bridge_kind="bridge",
    console_log=True,
    aio=0,
    tasks=98,
    os_release={
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "ID": "debian",
        "VERSION_ID": "12",
    },
    cgroups=("cgroup.controllers", "cgroup.procs", "system.slice"),
    mounts=_mounts(
        "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime\n"
        "proc /proc proc rw,nosuid,nodev,noexec,relatime\n"
        "udev /dev devtmpfs rw,nosuid,relatime,size=959888k,nr_inodes=239972,mode=755,inode64\n"
        "/dev/vda / ext4 rw,noatime\n"
        "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime\n"
        "xenfs /proc/xen xenfs rw,relatime\n"
    ),
    file_systems={"/": Statvfs(4096, 1520816, 1180644, 1098968, 390144, 353104)},
    settings={
        "/proc/sys/fs/aio-max-nr": "65536",
        "/proc/sys/fs/nr_open": "1048576",
        "/proc/sys/kernel/pid_max": "4194304",
        "/proc/sys/kernel/threads-max": "14998",
        "/proc/sys/kernel/pty/max": "4096",
        "/proc/sys/kernel/pty/reserve": "1024",
        "/sys/module/loop/parameters/max_loop": "512",
        "/sys/module/loop/parameters/max_part": "0",
    },
    meminfo=_sizes(
        "MemTotal 1938596 MemFree 1690816 MemAvailable 1780012 Buffers 5684 Cached 77392"
        " SwapCached 0 Active 28708 Inactive 85552 SwapTotal 0 SwapFree 0 Dirty 304 Writeback 0"
        " AnonPages 31260 Mapped 36364 Shmem 2436 KReclaimable 40256 Slab 76432"
        " SReclaimable 40256 SUnreclaim 36176 KernelStack 1656 PageTables 1984"
        " CommitLimit 969296 Committed_AS 97628 VmallocTotal 34359738367 VmallocUsed 13312"
        " VmallocChunk 0 Percpu 2272 HardwareCorrupted 0 DirectMap4k 2228612 DirectMap2M 0"
    ),
)
"""Debian 12 with xl, as `tests/hosts` has it captured: disks are files on loop devices."""

XCP_NG_8_3: Final = Platform(
    name="xcp-ng-8.3",
    toolstack=XAPI,
    xen=(4, 17),
    xen_extra=".6-1",
    xen_command_line="dom0_mem=8192M,max:8192M watchdog ucode=scan dom0_max_vcpus=1-16"
    " crashkernel=256M,below=4G console=vga vga=mode-0x0311",
    release="4.19.0+1",
    version="#1 SMP Tue Jun 3 13:24:34 CEST 2025",
    command_line="root=LABEL=root-tzqzwd ro nolvm hpet=disable console=hvc0 console=tty0",
    vcpus=8,
    memory_kib=8388608,
    boot=KernelLog(fifo=True, nr_irqs=4352, complete=True),
    tools="/usr/libexec/xen/bin",
    qemu="/usr/lib64/xen/bin/qemu-system-i386",
    daemons=(
        Daemon(
            "oxenstored",
            ("/usr/sbin/oxenstored", "--no-fork"),
            "/var/run/xenstored.pid",
            (1048576, 1048576),
            _OXENSTORED_FDS,
            17,
        ),
        Daemon(
            "xenconsoled",
            ("/usr/sbin/xenconsoled", "--log=hv", "--timestamp=hv"),
            "/var/run/xenconsoled.pid",
            (132008, 132008),
            (*_XENCONSOLED_FDS, "/var/log/xen/hypervisor.log"),
            1,
        ),
        Daemon(
            "xapi",
            ("/opt/xensource/bin/xapi", "-nowatchdog"),
            "/var/run/xapi.pid",
            (4096, 4096),
            (*_NULL, *_PRIVCMD, "/var/lib/xcp/state.db"),
            62,
            threads=48,
        ),
        Daemon(
            "xenopsd-xc",
            ("/usr/sbin/xenopsd-xc",),
            "/var/run/xenopsd.pid",
            (4096, 4096),
            (*_NULL, *_PRIVCMD),
            20,
            threads=22,
        ),
    ),
    pirqs={
        **_LEGACY_IRQS,
        **{1023 - number: f"nvme0q{number}" for number in range(9)},
        **{1000 - number: f"eth0-TxRx-{number}" for number in range(8)},
    },
    bridge="ovs-system",
    bridge_kind="openvswitch",
    console_log=False,
    aio=804,
    tasks=420,
    os_release={"NAME": "XCP-ng", "VERSION": "8.3.0", "ID": "xenenterprise", "VERSION_ID": "8.3.0"},
    cgroups=("blkio", "cpu", "cpu,cpuacct", "cpuacct", "memory", "systemd"),
    mounts=_mounts(
        "sysfs /sys sysfs rw,seclabel,nosuid,nodev,noexec,relatime\n"
        "proc /proc proc rw,nosuid,nodev,noexec,relatime\n"
        "devtmpfs /dev devtmpfs rw,nosuid,size=4049340k,nr_inodes=1012335,mode=755\n"
        "/dev/nvme0n1p1 / ext3 rw,relatime\n"
        "tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755\n"
        "xenstore /var/lib/xenstored tmpfs rw,relatime,mode=755\n"
        "/dev/nvme0n1p5 /var/log ext3 rw,relatime\n"
        "xenfs /proc/xen xenfs rw,relatime\n"
    ),
    file_systems={
        "/": Statvfs(4096, 4645080, 3816210, 3574493, 1179648, 1075712),
        "/var/log": Statvfs(4096, 1015679, 961432, 905656, 262144, 261420),
    },
    settings={
        "/proc/sys/fs/aio-max-nr": "2097152",
        "/proc/sys/fs/nr_open": "1048576",
        "/proc/sys/kernel/pid_max": "4194303",
        "/proc/sys/kernel/threads-max": "62618",
        "/proc/sys/kernel/pty/max": "4096",
        "/proc/sys/kernel/pty/reserve": "1024",
        "/sys/module/loop/parameters/max_loop": "0",
        "/sys/module/loop/parameters/max_part": "0",
    },
    meminfo=_sizes(
        "MemTotal 8035132 MemFree 5613320 MemAvailable 6884200 Buffers 124508 Cached 1270120"
        " SwapCached 0 Active 1312440 Inactive 402160 SwapTotal 1048572 SwapFree 1048572"
        " Dirty 812 Writeback 0 AnonPages 320112 Mapped 98200 Shmem 16240 KReclaimable 118200"
        " Slab 262140 SReclaimable 118200 SUnreclaim 143940 KernelStack 9312 PageTables 18420"
        " CommitLimit 5066136 Committed_AS 1402216 VmallocTotal 34359738367 VmallocUsed 0"
        " VmallocChunk 0 Percpu 11392 HardwareCorrupted 0 DirectMap4k 8388608 DirectMap2M 0"
    ),
    inventory={
        "PRODUCT_BRAND": "XCP-ng",
        "PRODUCT_NAME": "xenenterprise",
        "PRODUCT_VERSION": "8.3.0",
        "PRODUCT_VERSION_TEXT": "8.3",
        "XEN_VERSION": "4.17.6",
        "KERNEL_VERSION": "4.19.0+1",
        "DOM0_VCPUS": "8",
        "DOM0_MEM": "8192",
    },
)
"""XCP-ng 8.3: xapi, tapdisks in front of the kernel's blktap minors, Open vSwitch."""
