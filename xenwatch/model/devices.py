"""Devices of a guest, each with what it takes of the host when it starts.

The costs are those of a captured host (Xen 4.17, Linux 6.1) and of the sources of QEMU, blktap,
netback and netfront.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from xenwatch.model.lease import CONNECTED, INITIALISING, Lease
from xenwatch.model.platform import XAPI, XL, Platform
from xenwatch.model.resources import Process

XVDA: Final = 51712
"""Device id of the first disk (`202 << 8`); each further one is 16 more."""
QUEUE_ENTRIES: Final = 514
"""Grant entries netfront keeps for a queue: two ring pages and 256 slots in each direction."""
COMM_MAX: Final = 15
"""TASK_COMM_LEN less its NUL; kernel threads of Linux 5.16 and later keep longer names."""


class Device(Protocol):
    """Something a guest is given when it starts."""

    def start(self, lease: Lease) -> None:
        """Take what the device takes."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk. `rings` is how many queues frontend and backend agreed on."""

    rings: int = 1
    kib: int = 16777216


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface. `emulated` says whether QEMU shows an HVM guest a card for it too."""

    queues: int = 1
    emulated: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """A VM by what it is given: type (pv, pvh, hvm), vCPUs, memory, disks, network interfaces."""

    type: str = "pv"
    vcpus: int = 1
    memory_kib: int = 1048576
    disks: tuple[Disk, ...] = (Disk(),)
    nics: tuple[Nic, ...] = (Nic(),)


@dataclass(frozen=True, slots=True)
class XenstoreRing:
    """The page and the event channel between the guest and xenstored."""

    def start(self, lease: Lease) -> None:
        """One event channel; the guest's page is no descriptor of xenstored."""
        lease.channel("evtchn:oxenstored")


@dataclass(frozen=True, slots=True)
class Console:
    """The guest's console, served by xenconsoled."""

    def start(self, lease: Lease) -> None:
        """An event channel with a descriptor of its own, a pty, and a log where it keeps one."""
        dom0, guest = lease.dom0, lease.guest
        daemon = dom0.by_comm["xenconsoled"]
        lease.channel("evtchn:xenconsoled")
        number = lease.pty()
        targets = ["/dev/xen/evtchn", "/dev/ptmx", f"/dev/pts/{number}"]
        if dom0.platform.console_log:
            name = guest.name.decode("utf-8", "surrogateescape")
            targets.append(f"/var/log/xen/console/guest-{name}.log")
        for target in targets:
            lease.fd(daemon, target)
        lease.backend("console", 0, INITIALISING, INITIALISING)
        lease.node(f"/local/domain/{guest.domid}/console/tty", f"/dev/pts/{number}")


@dataclass(frozen=True, slots=True)
class Toolstack:
    """The `xl create` that stays behind for each guest, to wait for its end."""

    def start(self, lease: Lease) -> None:
        """A process of two threads with two connections to xenstored."""
        argv = (f"{lease.dom0.platform.tools}/xl", "create")
        process = lease.process("xl", argv, threads=2, anon_kib=1600)
        lease.xenstore_client(process)
        lease.xenstore_client(process)


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """The QEMU of an HVM guest."""

    serial_pty: bool

    def start(self, lease: Lease) -> None:
        """Event channels of the ioreq server (one a vCPU, one buffered), three xenstore clients.

        QEMU: hw/xen/xen-hvm-common.c, hw/xen/xen-bus.c.
        """
        platform, guest = lease.dom0.platform, lease.guest
        process = self._process(lease)
        for _ in range(guest.vcpus + 1):
            lease.channel(f"evtchn:{process.comm}", owned=True)
        for _ in range(3):
            lease.xenstore_client(process)
        if self.serial_pty:
            number = lease.pty()
            process.open("/dev/ptmx")
            lease.node(f"/local/domain/{guest.domid}/serial/0/tty", f"/dev/pts/{number}")
        lease.node(f"/local/domain/{guest.domid}/image/device-model-pid", str(process.pid))
        if platform.toolstack == XAPI:
            lease.node(f"/local/domain/{guest.domid}/qemu-pid", str(process.pid))

    def _process(self, lease: Lease) -> Process:
        platform, domid = lease.dom0.platform, lease.guest.domid
        name = f"qemu-dm-{domid}" if platform.toolstack == XAPI else platform.qemu
        argv = (name, "-xen-domid", str(domid), "-machine", "xenfv")
        comm = platform.qemu.rpartition("/")[2][:COMM_MAX]
        process = lease.process(comm, argv, threads=7, anon_kib=12600)
        for target in ("/dev/null", "/dev/xen/privcmd", "/dev/xen/evtchn", "anon_inode:[eventfd]"):
            process.open(target)
        return process


@dataclass(frozen=True, slots=True)
class Keyboard:
    """The paravirtual keyboard xl gives an HVM guest; QEMU is its backend."""

    def start(self, lease: Lease) -> None:
        """One event channel of QEMU and a ring page."""
        comm = lease.dom0.platform.qemu.rpartition("/")[2][:COMM_MAX]
        lease.channel(f"evtchn:{comm}")
        lease.grant(1)
        lease.backend("vkbd", 0, INITIALISING)


@dataclass(frozen=True, slots=True)
class LoopDisk:
    """A file behind a loop device, served by the kernel's blkback."""

    devid: int
    disk: Disk

    def start(self, lease: Lease) -> None:
        """A loop device, an event channel and a kernel thread a ring."""
        domid = lease.guest.domid
        index = (self.devid - XVDA) // 16
        lease.loop(self.disk.kib)
        for ring in range(self.disk.rings):
            lease.channel("blkif-backend")
            lease.process(f"{domid}.xvd{chr(ord('a') + index)}-{ring}"[:COMM_MAX])
            lease.grant(1)
        lease.memory(0, slab_kib=1200)
        lease.backend("vbd", self.devid, CONNECTED)


@dataclass(frozen=True, slots=True)
class TapDisk:
    """A VDI served by a tapdisk of its own (blktap 3)."""

    devid: int
    disk: Disk

    def start(self, lease: Lease) -> None:
        """A minor, a tapdisk with its aio contexts, an event channel a ring."""
        domid = lease.guest.domid
        process = lease.process("tapdisk", ("/usr/sbin/tapdisk",), anon_kib=6200)
        for target in ("/dev/null", "/dev/xen/blktap-2/control", "/dev/xen/gntdev"):
            process.open(target)
        lease.minor(process)
        lease.aio(lease.dom0.platform.aio)
        for _ in range(self.disk.rings):
            lease.channel("evtchn:tapdisk")
            lease.grant(1)
        lease.backend("vbd3", self.devid, INITIALISING)
        backend = f"/local/domain/0/backend/vbd3/{domid}/{self.devid}"
        lease.node(f"{backend}/kthread-pid", str(process.pid))


@dataclass(frozen=True, slots=True)
class Vif:
    """A network interface, served by the kernel's netback."""

    handle: int
    nic: Nic
    hvm: bool

    def start(self, lease: Lease) -> None:
        """A port of the bridge, and for each queue two event channels and two kernel threads."""
        name = f"vif{lease.guest.domid}.{self.handle}"
        lease.port(name)
        for queue in range(self.nic.queues):
            for direction in ("tx", "rx"):
                lease.channel(f"{name}-q{queue}-{direction}")
            for thread in ("guest-rx", "dealloc"):
                lease.process(f"{name}-q{queue}-{thread}"[:COMM_MAX])
            lease.grant(QUEUE_ENTRIES)
        if self.hvm and self.nic.emulated:
            xl = lease.dom0.platform.toolstack == XL
            emulated = f"{name}-emu" if xl else f"tap{lease.guest.domid}.{self.handle}"
            lease.port(emulated, "tun")
        lease.memory(0, slab_kib=1200)
        lease.backend("vif", self.handle, CONNECTED)


def of(shape: Shape, platform: Platform) -> Iterator[tuple[str, int, Device]]:
    """The devices of a VM in the order they start, each with its class and id.

    The toolstack starts its own first; disks and interfaces wait for the guest's kernel.
    """
    hvm = shape.type == "hvm"
    xl = platform.toolstack == XL
    yield "store", 0, XenstoreRing()
    if xl or not hvm:
        yield "console", 0, Console()
    if xl:
        yield "xl", 0, Toolstack()
    if hvm:
        yield "qemu", 0, DeviceModel(serial_pty=not xl)
        if xl:
            yield "vkbd", 0, Keyboard()
    for number, disk in enumerate(shape.disks):
        devid = XVDA + 16 * number
        if platform.blktap:
            yield "vbd3", devid, TapDisk(devid, disk)
        else:
            yield "vbd", devid, LoopDisk(devid, disk)
    for handle, nic in enumerate(shape.nics):
        yield "vif", handle, Vif(handle, nic, hvm)
