"""XCP-ng 8 and XenServer 8: xapi, tapdisks in front of blktap minors, Open vSwitch."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import (
    LEGACY_IRQS,
    NULL,
    OXENSTORED_FDS,
    PRIVCMD,
    REPOSITORY,
    REPOSITORY_SIZE,
    XAPI,
    XENCONSOLED_FDS,
    Daemon,
    Drivers,
    Platform,
    mounts,
    sizes,
)
from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.volume_groups import VolumeGroup

EVENTPOLL: Final = "anon_inode:[eventpoll]"
"""The descriptor of a xapi from 24.31 on; older ones wait with select."""

_DEFAULT_NOFILE: Final = (1024, 4096)
"""The limit of open files of a unit that sets none."""


def _service(
    comm: str, sockets: int, nofile: tuple[int, int] = _DEFAULT_NOFILE, *arguments: str
) -> Daemon:
    """A daemon of xapi's in a unit of its own, without a PID file (xen-api, scripts)."""
    argv = (f"/usr/sbin/{comm}", *arguments)
    group = f"/system.slice/{comm}.service"
    return Daemon(comm, argv, "", nofile, (*NULL, EVENTPOLL), sockets, threads=4, group=group)


_SERVICES: Final = (
    _service("squeezed", 4),
    _service("message-switch", 28),
    _service("varstored-guard", 6, (4096, 4096)),
    Daemon(
        "stunnel",
        ("/usr/bin/stunnel", "/etc/stunnel/xapi.conf"),
        "/var/run/xapissl.pid",
        _DEFAULT_NOFILE,
        NULL,
        42,
        threads=20,
        group="/system.slice/system-stunnel.slice/stunnel@xapi.service",
    ),
)
_SWITCH: Final = tuple(
    Daemon(
        comm,
        (f"/usr/sbin/{comm}", "--pidfile", "--detach", "--monitor"),
        f"/var/run/openvswitch/{comm}.pid",
        nofile,
        (*NULL, f"/var/log/openvswitch/{comm}.log"),
        sockets,
        threads=threads,
        group=f"/system.slice/{comm}.service",
    )
    # Open vSwitch, utilities/ovs-ctl.in: MAXFD.
    for comm, nofile, sockets, threads in (
        ("ovsdb-server", _DEFAULT_NOFILE, 24, 1),
        ("ovs-vswitchd", (65535, 65535), 90, 11),
    )
)
CERTIFICATE: Final = "/etc/xensource/xapi-ssl.pem"
POOL_CERTIFICATE: Final = "/etc/xensource/xapi-pool-tls.pem"
VALID: Final = 2_524_607_999.0
"""When certificates of synthetic hosts end: the last second of 2049."""
_MOUNTED: Final = f"/run/sr-mount/{REPOSITORY}"

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
            OXENSTORED_FDS,
            17,
            group="/control.slice/xenstored.service",
        ),
        Daemon(
            "xenconsoled",
            ("/usr/sbin/xenconsoled", "--log=hv", "--timestamp=hv"),
            "/var/run/xenconsoled.pid",
            (132008, 132008),
            (*XENCONSOLED_FDS, "/var/log/xen/hypervisor.log"),
            1,
            group="/system.slice/xenconsoled.service",
        ),
        Daemon(
            "xapi",
            ("/opt/xensource/bin/xapi", "-nowatchdog"),
            "/var/run/xapi.pid",
            (4096, 4096),
            (*NULL, *PRIVCMD, "/var/lib/xcp/state.db", EVENTPOLL),
            61,
            threads=48,
            group="/control.slice/xapi.service",
        ),
        Daemon(
            "xenopsd-xc",
            ("/usr/sbin/xenopsd-xc",),
            "/var/run/xenopsd.pid",
            (4096, 4096),
            (*NULL, *PRIVCMD),
            20,
            threads=22,
            group="/control.slice/xenopsd-xc.service",
        ),
        *_SERVICES,
        *_SWITCH,
    ),
    pirqs={
        **LEGACY_IRQS,
        **{1023 - number: f"nvme0q{number}" for number in range(9)},
        **{1000 - number: f"eth0-TxRx-{number}" for number in range(8)},
    },
    bridge="ovs-system",
    bridge_kind="openvswitch",
    console_log=False,
    aio=804,
    minors=16384,
    drivers=Drivers(
        control_ring=True,
        helpers=frozenset({"varstored", "swtpm", "vncterm", "tapback"}),
    ),
    tasks=420,
    os_release={"NAME": "XCP-ng", "VERSION": "8.3.0", "ID": "xenenterprise", "VERSION_ID": "8.3.0"},
    cgroup_version=1,
    slices={"control.slice": 10240, "system.slice": 1024, "user.slice": 1024, "vm.slice": 1024},
    guest_group="/vm.slice",
    control_members=(
        "forkexecd.service",
        "xapi.service",
        "xenopsd-xc.service",
        "xenstored.service",
    ),
    mounts=mounts(
        "sysfs /sys sysfs rw,seclabel,nosuid,nodev,noexec,relatime\n"
        "proc /proc proc rw,nosuid,nodev,noexec,relatime\n"
        "devtmpfs /dev devtmpfs rw,nosuid,size=4049340k,nr_inodes=1012335,mode=755\n"
        "/dev/nvme0n1p1 / ext3 rw,relatime\n"
        "tmpfs /sys/fs/cgroup tmpfs ro,nosuid,nodev,noexec,mode=755\n"
        "xenstore /var/lib/xenstored tmpfs rw,relatime,mode=755\n"
        "/dev/nvme0n1p5 /var/log ext3 rw,relatime\n"
        "xenfs /proc/xen xenfs rw,relatime\n"
        f"192.0.2.20:/export/{REPOSITORY} {_MOUNTED} nfs rw,relatime,vers=3,hard,proto=tcp\n"
    ),
    repository=_MOUNTED,
    certificates={CERTIFICATE: VALID, POOL_CERTIFICATE: VALID},
    volume_groups=(
        VolumeGroup(
            "VG_XenStorage-0f6c7f1a-52a3-4a0e-9a4f-2d5c0b6f3e77", 1999844147200, 1372902522880
        ),
    ),
    file_systems={
        _MOUNTED: REPOSITORY_SIZE,
        "/": Statvfs(4096, 4645080, 3816210, 3574493, 1179648, 1075712),
        "/var/log": Statvfs(4096, 1015679, 961432, 905656, 262144, 261420),
    },
    settings={
        "/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024",
        "/proc/sys/net/ipv6/neigh/default/gc_thresh3": "1024",
        "/proc/sys/kernel/keys/root_maxkeys": "1000000",
        "/proc/sys/net/netfilter/nf_conntrack_max": "262144",
        "/proc/sys/fs/aio-max-nr": "2097152",
        "/proc/sys/fs/nr_open": "1048576",
        "/proc/sys/kernel/pid_max": "4194303",
        "/proc/sys/kernel/threads-max": "62618",
        "/proc/sys/kernel/pty/max": "4096",
        "/proc/sys/kernel/pty/reserve": "1024",
        "/sys/module/loop/parameters/max_loop": "0",
        "/sys/module/loop/parameters/max_part": "0",
    },
    meminfo=sizes(
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
"""XCP-ng 8.3: two aio queues for each tapdisk, and a xapi that has QEMUs in vm.slice (25.5.0)."""


def _older(daemon: Daemon) -> Daemon:
    """The daemon as it was when xapi still waited with select."""
    if EVENTPOLL not in daemon.fds:
        return daemon
    fds = tuple(target for target in daemon.fds if target != EVENTPOLL)
    return dataclasses.replace(daemon, fds=fds, sockets=daemon.sockets + 1, selects=True)


XCP_NG_8_2: Final = dataclasses.replace(
    XCP_NG_8_3,
    name="xcp-ng-8.2",
    xen=(4, 13),
    xen_extra=".5-9.45",
    version="#1 SMP Wed Aug 7 14:52:18 CEST 2024",
    aio=402,
    # A VM may have a TPM since 8.3.
    drivers=dataclasses.replace(XCP_NG_8_3.drivers, helpers=XCP_NG_8_3.drivers.helpers - {"swtpm"}),
    daemons=tuple(map(_older, XCP_NG_8_3.daemons)),
    certificates={CERTIFICATE: VALID},
    guest_group="/",
    os_release={
        "NAME": "XCP-ng",
        "VERSION": "8.2.1",
        "ID": "xenenterprise",
        "VERSION_ID": "8.2.1",
    },
    inventory={
        **XCP_NG_8_3.inventory,
        "PRODUCT_VERSION": "8.2.1",
        "PRODUCT_VERSION_TEXT": "8.2",
        "XEN_VERSION": "4.13.5",
    },
)
"""XCP-ng 8.2: one aio queue for each tapdisk, and QEMUs in no slice, as until 2024."""

XENSERVER_8: Final = dataclasses.replace(
    XCP_NG_8_3,
    name="xenserver-8",
    xen_extra=".5-13",
    guest_group="/",
    os_release={
        "NAME": "XenServer",
        "VERSION": "8.4.0",
        "ID": "xenenterprise",
        "VERSION_ID": "8.4.0",
    },
    inventory={
        **XCP_NG_8_3.inventory,
        "PRODUCT_BRAND": "XenServer",
        "PRODUCT_VERSION": "8.4.0",
        "PRODUCT_VERSION_TEXT": "8",
        "XEN_VERSION": "4.17.5",
    },
)
"""XenServer 8, which XCP-ng 8.3 is made from; its QEMUs are in no slice."""
