"""XenServer 6 and 7: the hosts of the published density figures, and the first 64-bit dom0."""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import (
    LEGACY_IRQS,
    NULL,
    REPOSITORY,
    REPOSITORY_SIZE,
    TWO_LEVEL_32,
    XAPI,
    XENSERVER_6_2_CHANNELS,
    Daemon,
    Drivers,
    Platform,
    mounts,
    sizes,
)
from xenwatch.model.platforms.xapi import CERTIFICATE, VALID, XCP_NG_8_3
from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.zoneinfo import Zone

_MOUNTED: Final = f"/var/run/sr-mount/{REPOSITORY}"
_CLASSIC_OWN: Final = (*NULL, "/proc/xen/privcmd", "/dev/xen/evtchn")
_XENSTORED: Final = Daemon(
    "oxenstored",
    ("/usr/sbin/oxenstored", "--no-fork"),
    "/var/run/xenstored.pid",
    (4096, 4096),
    (*_CLASSIC_OWN, "/var/log/xenstored-access.log", "/var/run/xenstored.pid", "/proc/xen/xsd_kva"),
    16,
    group="/",
    selects=True,
)
_XENCONSOLED: Final = Daemon(
    "xenconsoled",
    ("/usr/sbin/xenconsoled",),
    "/var/run/xenconsoled.pid",
    (1024, 1024),
    (*_CLASSIC_OWN, "/var/run/xenconsoled.pid"),
    1,
    group="/",
    selects=True,
)
_XAPI: Final = Daemon(
    "xapi",
    ("/opt/xensource/bin/xapi", "-nowatchdog"),
    "/var/run/xapi.pid",
    (4096, 4096),
    (*_CLASSIC_OWN, "/var/xapi/state.db"),
    48,
    threads=40,
    group="/",
    selects=True,
)
_OTHERS: Final = tuple(
    Daemon(comm, argv, pid_file, nofile, NULL, sockets, group="/")
    for comm, argv, pid_file, nofile, sockets in (
        ("squeezed", ("/usr/sbin/squeezed", "-daemon"), "/var/run/squeezed.pid", (1024, 1024), 4),
        (
            *("stunnel", ("/usr/sbin/stunnel", "/etc/xensource/xapi-ssl.conf")),
            *("/var/run/xapissl.pid", (1024, 1024), 30),
        ),
        (
            *("ovs-vswitchd", ("/usr/sbin/ovs-vswitchd", "--pidfile", "--detach")),
            *("/var/run/openvswitch/ovs-vswitchd.pid", (5000, 5000), 60),
        ),
        (
            *("ovsdb-server", ("/usr/sbin/ovsdb-server", "--pidfile", "--detach")),
            *("/var/run/openvswitch/ovsdb-server.pid", (1024, 1024), 20),
        ),
    )
)
_NICS: Final = {
    1023 - 9 * nic - queue: f"eth{nic}" if not queue else f"eth{nic}-TxRx-{queue - 1}"
    for nic in range(6)
    for queue in range(9)
}
_CARDS: Final = {
    **dict.fromkeys(range(16, 20), "uhci_hcd"),
    20: "ehci_hcd",
    **{969 - number: f"megasas-{number}" for number in range(5)},
}


def _inventory(version: str, text: str, kernel: str, xen: str) -> dict[str, str]:
    return {
        "PRODUCT_BRAND": "XenServer",
        "PRODUCT_NAME": "xenenterprise",
        "PRODUCT_VERSION": version,
        "PRODUCT_VERSION_TEXT": text,
        "XEN_VERSION": xen,
        "KERNEL_VERSION": kernel,
    }


XENSERVER_6_1: Final = Platform(
    name="xenserver-6.1",
    toolstack=XAPI,
    xen=(4, 1),
    xen_extra=".3",
    xen_command_line="dom0_mem=2940M lowmem_emergency_pool=1M crashkernel=64M@32M console=vga",
    release="2.6.32.43-0.4.1.xs1.6.10.734.170748xen",
    version="#1 SMP Thu Nov 22 18:23:25 EST 2012",
    command_line="root=LABEL=root-kzsnqysk ro xencons=hvc console=hvc0 console=tty0",
    vcpus=4,
    memory_kib=3010560,
    boot=KernelLog(fifo=None, nr_irqs=None, complete=False),
    tools="/usr/lib/xen/bin",
    qemu="/usr/lib/xen/bin/qemu-dm",
    daemons=(_XENSTORED, _XENCONSOLED, _XAPI, *_OTHERS),
    pirqs={**LEGACY_IRQS, **_CARDS, **_NICS},
    bridge="xenbr0",
    bridge_kind="openvswitch",
    console_log=False,
    aio=402,
    tasks=260,
    os_release={},
    cgroup_version=0,
    slices={},
    guest_group="/",
    mounts=mounts(
        "none /sys sysfs rw\n"
        "none /proc proc rw\n"
        "/dev/sda1 / ext3 rw,data=ordered\n"
        "none /proc/xen xenfs rw\n"
        f"192.0.2.20:/export/{REPOSITORY} {_MOUNTED} nfs rw,vers=3,hard,proto=tcp\n"
    ),
    repository=_MOUNTED,
    certificates={CERTIFICATE: VALID},
    file_systems={
        "/": Statvfs(4096, 1007896, 476213, 425013, 512064, 474861),
        _MOUNTED: REPOSITORY_SIZE,
    },
    settings={
        "/proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024",
        "/proc/sys/net/ipv6/neigh/default/gc_thresh3": "1024",
        "/proc/sys/kernel/keys/root_maxkeys": "200",
        "/proc/sys/fs/aio-max-nr": "444416",
        "/proc/sys/fs/nr_open": "1048576",
        "/proc/sys/kernel/pid_max": "32768",
        "/proc/sys/kernel/threads-max": "23520",
        "/proc/sys/kernel/pty/max": "4096",
    },
    meminfo=sizes(
        "MemTotal 2945024 MemFree 2619112 Buffers 20480 Cached 163840 SwapCached 0"
        " Active 112640 Inactive 98304 HighTotal 2197504 HighFree 1945600 LowTotal 747520"
        " LowFree 673512 SwapTotal 524280 SwapFree 524280 Dirty 128 Writeback 0"
        " AnonPages 81920 Mapped 30720 Slab 40960 SReclaimable 12288 SUnreclaim 28672"
        " KernelStack 2080 PageTables 4096 CommitLimit 1996792 Committed_AS 327680"
        " VmallocTotal 122880 VmallocUsed 20480 VmallocChunk 98304"
    ),
    zones=(
        Zone(0, "DMA", 2048, 19, 23, 28, (0, 698, 2844, 2844)),
        Zone(0, "Normal", 166330, 835, 1043, 1252, (0, 0, 17168, 17168)),
        Zone(0, "HighMem", 486400, 128, 533, 939, (0, 0, 0, 0)),
    ),
    inventory=_inventory("6.1.0", "6.1", "2.6.32.43-0.4.1.xs1.6.10.734.170748xen", "4.1.3"),
    max_grant_frames=32,
    max_maptrack_frames=256,
    frame_entries=256,
    machine="i686",
    channels=TWO_LEVEL_32,
    minors=1024,
    drivers=Drivers(
        qemu_channels=(1, 0),
        qemu_clients=3,
        qemu_kib=3000,
        qemu_threads=2,
        tapdisk_kib=900,
        vif_channels=1,
        vif_threads=False,
        vif_kib=0,
        vif_grants=22,
        low_kib=1024,
    ),
)
"""XenServer 6.1: a 32-bit dom0 with 1,024 event channels, and everything waits with select."""

XENSERVER_6_2: Final = dataclasses.replace(
    XENSERVER_6_1,
    name="xenserver-6.2",
    xen_extra=".5",
    xen_command_line="dom0_mem=4096M lowmem_emergency_pool=1M crashkernel=64M@32M console=vga",
    release="2.6.32.43-0.4.1.xs1.8.0.835.170778xen",
    version="#1 SMP Wed May 29 18:06:30 EDT 2013",
    memory_kib=4194304,
    daemons=(
        _XENSTORED,
        dataclasses.replace(_XENCONSOLED, nofile=(132008, 132008), selects=False),
        _XAPI,
        *_OTHERS,
    ),
    settings={
        **XENSERVER_6_1.settings,
        "/proc/sys/fs/aio-max-nr": "1048576",
        "/proc/sys/kernel/threads-max": "32768",
    },
    meminfo={
        **XENSERVER_6_1.meminfo,
        "MemTotal": 4128768,
        "MemFree": 3802856,
        "HighTotal": 3381248,
        "HighFree": 3129344,
    },
    inventory=_inventory("6.2.0", "6.2", "2.6.32.43-0.4.1.xs1.8.0.835.170778xen", "4.1.5"),
    channels=XENSERVER_6_2_CHANNELS,
    minors=2048,
    drivers=dataclasses.replace(
        XENSERVER_6_1.drivers, qemu_channels=(2, 0), qemu_clients=2, vif_grants=0
    ),
)
"""XenServer 6.2: 4,096 event channels, no receive-side copy, a xenconsoled that polls."""

XENSERVER_7_0: Final = dataclasses.replace(
    XCP_NG_8_3,
    name="xenserver-7.0",
    xen=(4, 6),
    xen_extra=".1",
    xen_command_line="dom0_mem=4096M,max:4096M dom0_max_vcpus=1-16 crashkernel=192M,below=4G",
    release="3.10.0+10",
    version="#1 SMP Tue May 10 09:02:58 UTC 2016",
    memory_kib=4194304,
    aio=402,
    # varstored came with UEFI firmware, after XenServer 7.
    daemons=tuple(each for each in XCP_NG_8_3.daemons if each.comm != "varstored-guard"),
    guest_group="/",
    certificates={CERTIFICATE: VALID},
    os_release={
        "NAME": "XenServer",
        "VERSION": "7.0.0",
        "ID": "xenenterprise",
        "VERSION_ID": "7.0.0",
    },
    meminfo={name: kib // 2 for name, kib in XCP_NG_8_3.meminfo.items() if name != "MemAvailable"},
    inventory=_inventory("7.0.0", "7.0", "3.10.96", "4.6.1"),
    max_grant_frames=32,
    drivers=Drivers(helpers=frozenset({"vncterm", "tapback"})),
)
"""XenServer 7.0: a 64-bit dom0 of Linux 3.10, which counts aio requests as they are."""

XENSERVER_7_1: Final = dataclasses.replace(
    XENSERVER_7_0,
    name="xenserver-7.1",
    xen=(4, 7),
    xen_extra=".1",
    release="4.4.0+10",
    version="#1 SMP Mon Feb 6 12:01:24 UTC 2017",
    os_release={**XENSERVER_7_0.os_release, "VERSION": "7.1.0", "VERSION_ID": "7.1.0"},
    meminfo={name: kib // 2 for name, kib in XCP_NG_8_3.meminfo.items()},
    inventory=_inventory("7.1.0", "7.1", "4.4.27", "4.7.1"),
)
"""XenServer 7.1: Linux 4.4, which counts every aio request twice."""
