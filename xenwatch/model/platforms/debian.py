"""Debian with xl: disks are files on loop devices, served by the kernel's own blkback."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import (
    LEGACY_IRQS,
    NULL,
    OXENSTORED_FDS,
    PRIVCMD,
    XENCONSOLED_FDS,
    XL,
    Daemon,
    Platform,
    mounts,
    sizes,
)
from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.thin_pools import Blocks, ThinPool

_MOUNTS: Final = (
    "dev-mqueue",
    "proc-sys-fs-binfmt_misc",
    "sys-fs-fuse-connections",
    "sys-kernel-config",
    "sys-kernel-debug",
    "sys-kernel-tracing",
)
"""File systems for which systemd keeps a control group beside its slices."""

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
            OXENSTORED_FDS,
            4,
        ),
        Daemon(
            "xenconsoled",
            ("/usr/lib/xen-4.17/bin/xenconsoled", "--log=guest"),
            "/run/xenconsoled.pid",
            (132008, 132008),
            XENCONSOLED_FDS,
            1,
            threads=2,
        ),
        Daemon(
            "xen-qemu-system",
            ("/usr/libexec/xen-qemu-system-i386", "-xen-domid", "0", "-xen-attach", "-M", "xenpv"),
            "/run/qemu-dom0.pid",
            fds=(*NULL, *PRIVCMD, "anon_inode:[eventpoll]"),
            sockets=2,
            threads=4,
        ),
    ),
    pirqs={
        **LEGACY_IRQS,
        14: "ata_piix",
        15: "ata_piix",
        415: "virtio0-config",
        414: "virtio0-req.0",
        413: "virtio0-req.1",
        412: "virtio1-config",
        411: "virtio1-input.0",
        410: "virtio1-output.0",
    },
    bridge="xenbr",
    bridge_kind="bridge",
    console_log=True,
    aio=0,
    tasks=98,
    os_release={
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "ID": "debian",
        "VERSION_ID": "12",
    },
    cgroup_version=2,
    slices=dict.fromkeys(
        ("init.scope", "system.slice", "user.slice", *(f"{name}.mount" for name in _MOUNTS)), 100
    ),
    guest_group="/system.slice/ssh.service",
    mounts=mounts(
        "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime\n"
        "proc /proc proc rw,nosuid,nodev,noexec,relatime\n"
        "udev /dev devtmpfs rw,nosuid,relatime,size=959888k,nr_inodes=239972,mode=755,inode64\n"
        "/dev/vda / ext4 rw,noatime\n"
        "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime\n"
        "xenfs /proc/xen xenfs rw,relatime\n"
    ),
    file_systems={"/": Statvfs(4096, 1520816, 1180644, 1098968, 390144, 353104)},
    settings={
        "/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024",
        "/proc/sys/net/ipv6/neigh/default/gc_thresh3": "1024",
        "/proc/sys/kernel/keys/root_maxkeys": "1000000",
        "/proc/sys/fs/file-max": "9223372036854775807",
        "/proc/sys/fs/aio-max-nr": "65536",
        "/proc/sys/fs/nr_open": "1048576",
        "/proc/sys/kernel/pid_max": "4194304",
        "/proc/sys/kernel/threads-max": "14998",
        "/proc/sys/kernel/pty/max": "4096",
        "/proc/sys/kernel/pty/reserve": "1024",
        "/sys/module/loop/parameters/max_loop": "512",
        "/sys/module/loop/parameters/max_part": "0",
    },
    meminfo=sizes(
        "MemTotal 1938596 MemFree 1690816 MemAvailable 1780012 Buffers 5684 Cached 77392"
        " SwapCached 0 Active 28708 Inactive 85552 SwapTotal 0 SwapFree 0 Dirty 304 Writeback 0"
        " AnonPages 31260 Mapped 36364 Shmem 2436 KReclaimable 40256 Slab 76432"
        " SReclaimable 40256 SUnreclaim 36176 KernelStack 1656 PageTables 1984"
        " CommitLimit 969296 Committed_AS 97628 VmallocTotal 34359738367 VmallocUsed 13312"
        " VmallocChunk 0 Percpu 2272 HardwareCorrupted 0 DirectMap4k 2228612 DirectMap2M 0"
    ),
)
"""Debian 12 as `tests/hosts` has it captured."""

_TOOLS_13: Final = "/usr/lib/xen-4.20/bin"


def _moved(daemon: Daemon) -> Daemon:
    """The daemon where the next release has it."""
    program, *rest = daemon.argv
    argv = (program.replace(DEBIAN_12.tools, _TOOLS_13), *rest)
    return dataclasses.replace(daemon, argv=argv)


DEBIAN_13: Final = dataclasses.replace(
    DEBIAN_12,
    name="debian-13",
    xen=(4, 20),
    xen_extra=".2",
    release="6.12.57+deb13-amd64",
    version="#1 SMP PREEMPT_DYNAMIC Debian 6.12.57-1 (2025-11-05)",
    tools=_TOOLS_13,
    daemons=tuple(map(_moved, DEBIAN_12.daemons)),
    os_release={
        "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)",
        "ID": "debian",
        "VERSION_ID": "13",
    },
    thin_pool=ThinPool(
        "vg0-guests-tpool", 1024000000, "rw", Blocks(3127, 15360), Blocks(70418, 250000)
    ),
)
"""Debian 13: Xen 4.20, a kernel whose interrupts have no bitmap to fill, and a thin pool."""
