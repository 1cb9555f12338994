"""Devices of a guest, and the resources each uses on the host.

The costs are those of a captured host (Xen 4.17, Linux 6.1) and of the sources of QEMU, blktap,
netback and netfront.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final, Protocol

from xenwatch.model.driver_domain import ServedVif
from xenwatch.model.helpers import HELPERS, Toolstack, Varstored
from xenwatch.model.lease import CONNECTED, INITIALISING, Lease
from xenwatch.model.overhead import memory_overhead
from xenwatch.model.platform import REPOSITORY, XAPI, XL, Platform
from xenwatch.model.qemu import ARGUMENTS, USUAL, Habits, Life
from xenwatch.model.refusal import IOEMU_FAILED, Refused, worded
from xenwatch.model.resources import Process
from xenwatch.model.state import QUEUE_ENTRIES
from xenwatch.parse.qemu import SERIAL
from xenwatch.values import dataclass

XVDA: Final = 51712
"""Device id of the first disk (`202 << 8`); each further one is 16 more."""
NO_CONSOLE: Final = (
    "libxl_create.c:1976:console_xswait_callback: domain {domid} console tty: timed out"
)
_ARGUMENTS: Final = (
    *("-no-shutdown", "-nodefaults", "-no-user-config", "-vnc", "none", "-display", "none"),
    *("-boot", "order=cda", "-smp", "2,maxcpus=2", "-m", "192"),
    *("-device", "rtl8139,id=nic0,netdev=net0,mac=00:16:3e:66:26:81"),
    *("-drive", "file=/dev/loop17,if=ide,index=0,media=disk,format=raw,cache=writeback"),
    *("-drive", "file=/dev/loop18,if=ide,index=1,media=disk,format=raw,cache=writeback"),
    *("-drive", "file=/dev/loop19,if=ide,index=2,media=disk,format=raw,cache=writeback"),
    *("-chardev", "socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat,server=on,wait=off"),
    *("-mon", "chardev=libxenstat-cmd,mode=control"),
)
"""Of the QEMU of a captured guest, beside what it emulates."""
OUT_OF_MEMORY: Final = "xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory"
LOOP_MAJOR: Final = 7
COMM_MAX: Final = 15
"""TASK_COMM_LEN less its NUL; kernel threads of Linux 5.16 and later keep longer names."""


class Device(Protocol):
    """A part of a guest that uses resources of the host."""

    def start(self, lease: Lease) -> None:
        """Allocate the resources of the device."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk. `rings` is the number of queues negotiated with the backend."""

    rings: int = 1
    kib: int = 16777216


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface.

    `emulated` says whether QEMU shows an HVM guest a card for it too, `control` whether the guest
    has a control ring for it, as Windows has. `backend` is the domid of the domain that serves it.
    """

    queues: int = 1
    emulated: bool = True
    control: bool = False
    backend: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A VM by what it is given: type (pv, pvh, hvm), vCPUs, memory, disks, network interfaces.

    Of an HVM guest `peripherals` are what QEMU emulates for it, and `habits` what wakes its QEMU;
    `uefi` is whether it has such firmware, `vtpm` whether it has a TPM. Where `max_kib` is more
    than its memory, an HVM or PVH guest is populated on demand, and has no balloon driver that
    gives the difference back.
    """

    type: str = "pv"
    vcpus: int = 1
    memory_kib: int = 1048576
    disks: tuple[Disk, ...] = (Disk(),)
    nics: tuple[Nic, ...] = (Nic(),)
    peripherals: tuple[str, ...] = tuple(ARGUMENTS)
    habits: Habits = USUAL
    uefi: bool = False
    vtpm: bool = False
    max_kib: int = 0


def vm(
    platform: Platform,
    kind: str,
    *,
    vcpus: int = 1,
    disks: int = 1,
    vifs: int = 1,
    queues: int = 0,
    uefi: bool = False,
    memory_kib: int = 1048576,
) -> Shape:
    """A VM as its drivers and those of the platform agree on rings and queues.

    Rings are as many as guest and dom0 have vCPUs for, where the backend has more than one at all,
    queues as many as the guest has vCPUs, or `queues`, and netback gives.
    """
    agreed = min(vcpus, platform.vcpus)
    disk = Disk(rings=1 if platform.blktap else agreed)
    nic = Nic(
        queues=min(queues or vcpus, platform.max_queues),
        control=kind == "hvm" and platform.drivers.control_ring,
    )
    return Shape(kind, vcpus, memory_kib, (disk,) * disks, (nic,) * vifs, uefi=uefi)


@dataclass(frozen=True, slots=True)
class Memory:
    """The guest's own memory, its paging pool and what its toolstack wants free beside them."""

    max_kib: int = 0

    def start(self, lease: Lease) -> None:
        """Pages of Xen's, none of dom0's; a guest populated on demand has touched none yet.

        tools/libs/guest/xg_dom_x86.c, meminit_hvm: PV guests are not populated on demand.
        """
        guest = lease.guest
        if guest.type != "pv" and self.max_kib > guest.memory_kib:
            guest.unpopulated_kib, guest.cache_kib = self.max_kib, guest.memory_kib
        lease.guest.overhead_kib = memory_overhead(lease.guest, lease.dom0.platform)
        xl = lease.dom0.platform.toolstack == XL
        with worded(OUT_OF_MEMORY if xl else "HOST_NOT_ENOUGH_FREE_MEMORY"):
            lease.host_memory(lease.guest.memory_kib + lease.guest.overhead_kib)


@dataclass(frozen=True, slots=True)
class XenstoreRing:
    """The page and event channel between the guest and xenstored."""

    def start(self, lease: Lease) -> None:
        """One event channel and low memory; the guest's page is no descriptor of xenstored."""
        lease.low_memory(lease.dom0.platform.drivers.low_kib)
        text = "{errno} binding the event channel of xenstored"
        if lease.dom0.platform.toolstack == XL:
            text = NO_CONSOLE.format(domid=lease.guest.domid)
        with worded(text):
            lease.channel(f"evtchn:{lease.dom0.xenstored.comm}")


@dataclass(frozen=True, slots=True)
class Console:
    """The guest's console, served by xenconsoled."""

    def start(self, lease: Lease) -> None:
        """An event channel with a descriptor of its own, a pty, and a log where it keeps one."""
        text = f"xenconsoled: Failed to create tty for domain-{lease.guest.domid}"
        if lease.dom0.platform.toolstack == XL:
            text = NO_CONSOLE.format(domid=lease.guest.domid)
        with worded(text):
            self._start(lease)

    def _start(self, lease: Lease) -> None:
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
class DeviceModel:
    """The QEMU of an HVM guest."""

    peripherals: tuple[str, ...] = ()
    habits: Habits = USUAL

    def start(self, lease: Lease) -> None:
        """Event channels of the ioreq server (one a vCPU, one buffered), xenstore clients.

        QEMU: hw/xen/xen-hvm-common.c, hw/xen/xen-bus.c.
        """
        xapi = lease.dom0.platform.toolstack == XAPI
        with worded(IOEMU_FAILED if xapi else "device model did not start: -3"):
            self._start(lease)

    def _start(self, lease: Lease) -> None:
        platform, guest = lease.dom0.platform, lease.guest
        process = self._process(lease)
        each, beside = platform.drivers.qemu_channels
        for _ in range(each * guest.vcpus + beside):
            lease.channel(f"evtchn:{process.comm}", owned=True)
        for _ in range(platform.drivers.qemu_clients):
            lease.xenstore_client(process)
        if SERIAL in self.peripherals:
            number = lease.pty()
            process.open("/dev/ptmx")
            lease.node(f"/local/domain/{guest.domid}/serial/0/tty", f"/dev/pts/{number}")
        lease.node(f"/local/domain/{guest.domid}/image/device-model-pid", str(process.pid))
        if platform.toolstack == XAPI:
            lease.node(f"/local/domain/{guest.domid}/qemu-pid", str(process.pid))

    def _process(self, lease: Lease) -> Process:
        platform, domid = lease.dom0.platform, lease.guest.domid
        name = f"qemu-dm-{domid}" if platform.toolstack == XAPI else platform.qemu
        emulated = [word for device in self.peripherals for word in ARGUMENTS[device]]
        card = f"type=tap,id=net0,ifname=vif{domid}.0-emu,br=xenbr0,script=no,downscript=no"
        argv = (
            *(name, "-xen-domid", str(domid), "-machine", "xenfv", *emulated),
            *("-chardev", f"socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-{domid},server=on"),
            *("-mon", "chardev=libxl-cmd,mode=control", "-netdev", card, *_ARGUMENTS),
        )
        comm = platform.qemu.rpartition("/")[2][:COMM_MAX]
        drivers = platform.drivers
        process = lease.process(comm, argv, drivers.qemu_threads, drivers.qemu_kib)
        process.life = Life(self.habits, lease.dom0.seconds)
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
        number = lease.loop(self.disk.kib)
        for ring in range(self.disk.rings):
            with worded(f"{{errno}} mapping ring-ref port {lease.guest.channels.next}"):
                lease.channel("blkif-backend")
            lease.process(f"{domid}.xvd{chr(ord('a') + index)}-{ring}"[:COMM_MAX])
            lease.grant(1)
        lease.memory(0, slab_kib=1200)
        lease.backend("vbd", self.devid, CONNECTED)
        backend = f"/local/domain/0/backend/vbd/{domid}/{self.devid}"
        lease.node(f"{backend}/physical-device", f"{LOOP_MAJOR}:{number:x}")


@dataclass(frozen=True, slots=True)
class TapDisk:
    """A VDI served by a tapdisk of its own (blktap 3)."""

    devid: int
    disk: Disk

    def start(self, lease: Lease) -> None:
        """A minor, a tapdisk with its aio contexts, an event channel a ring."""
        domid = lease.guest.domid
        drivers = lease.dom0.platform.drivers
        process = lease.process("tapdisk", ("/usr/sbin/tapdisk",), anon_kib=drivers.tapdisk_kib)
        process.group = "/vm.slice"
        for target in ("/dev/null", "/dev/xen/blktap-2/control", "/dev/xen/gntdev"):
            process.open(target)
        try:
            lease.aio(lease.dom0.platform.aio)
        except Refused:
            lease.dom0.control_sockets.add(process.pid)  # it ends without removing its socket
            raise
        if lease.minor(process) < 0:
            lease.broken = "minor -1"
            lease.backend("vbd3", self.devid, INITIALISING, INITIALISING)
            return
        for _ in range(self.disk.rings):
            with worded("error {errno} mapping ring-refs and evtchn"):
                lease.channel("evtchn:tapdisk")
            lease.grant(1)
        lease.backend("vbd3", self.devid, INITIALISING)
        backend = f"/local/domain/0/backend/vbd3/{domid}/{self.devid}"
        lease.node(f"{backend}/kthread-pid", str(process.pid))
        disk = uuid.uuid5(uuid.UUID(REPOSITORY), f"{domid}/{self.devid}")
        lease.node(f"{backend}/params", f"/dev/sm/backend/{REPOSITORY}/{disk}")


@dataclass(frozen=True, slots=True)
class Vif:
    """A network interface, served by the kernel's netback."""

    handle: int
    nic: Nic
    hvm: bool

    def start(self, lease: Lease) -> None:
        """A port of the bridge, and for each queue event channels and two kernel threads."""
        name = f"vif{lease.guest.domid}.{self.handle}"
        drivers = lease.dom0.platform.drivers
        with worded(f"can't add {name} to its bridge: Exchange full"):
            lease.port(name)
        for queue in range(self.nic.queues):
            self._queue(lease, f"{name}-q{queue}")
        if self.nic.control:
            with worded("{errno} mapping the control ring"):
                lease.channel(f"{name}-ctrl")
        if self.hvm and drivers.vif_grants:
            with worded("{errno} granting pages for receive-side copy"):
                lease.own_grant(drivers.vif_grants)
        if self.hvm and self.nic.emulated:
            xl = lease.dom0.platform.toolstack == XL
            emulated = f"{name}-emu" if xl else f"tap{lease.guest.domid}.{self.handle}"
            with worded(f"can't add {emulated} to its bridge: Exchange full"):
                lease.port(emulated, "tun")
        lease.memory(0, slab_kib=drivers.vif_kib)
        lease.backend("vif", self.handle, CONNECTED)

    def _queue(self, lease: Lease, name: str) -> None:
        drivers, guest = lease.dom0.platform.drivers, lease.guest
        with worded("{errno} creating queues"):
            lease.grant(QUEUE_ENTRIES)
        tx, rx, port = guest.entries - QUEUE_ENTRIES, guest.entries - 1, guest.channels.next
        split = drivers.vif_channels == 2
        ports = f"tx {port} rx {port + 1}" if split else str(port)
        with worded(f"{{errno}} mapping shared-frames {tx}/{rx} port {ports}"):
            for direction in ("-tx", "-rx") if split else ("",):
                lease.channel(f"{name}{direction}")
        if drivers.vif_threads:
            for thread in ("guest-rx", "dealloc"):
                lease.process(f"{name}-{thread}"[:COMM_MAX])


def devices_of(shape: Shape, platform: Platform) -> Iterator[tuple[str, int, Device]]:
    """The devices of a VM in the order they start, each with its class and id.

    The toolstack starts its own first; disks and interfaces wait for the guest's kernel.
    """
    hvm = shape.type == "hvm"
    xl = platform.toolstack == XL
    yield "memory", 0, Memory(shape.max_kib)
    yield "store", 0, XenstoreRing()
    if xl or not hvm:
        yield "console", 0, Console()
    if xl and platform.drivers.xl_stays:
        yield "xl", 0, Toolstack()
    if hvm:
        yield "qemu", 0, DeviceModel(shape.peripherals, shape.habits)
    for name in _helpers(shape, platform):
        yield name, 0, Varstored() if name == "varstored" else HELPERS[name]
    if hvm and xl:
        yield "vkbd", 0, Keyboard()
    for number, disk in enumerate(shape.disks):
        devid = XVDA + 16 * number
        if platform.blktap:
            yield "vbd3", devid, TapDisk(devid, disk)
        else:
            yield "vbd", devid, LoopDisk(devid, disk)
    for handle, nic in enumerate(shape.nics):
        if nic.backend:
            yield "vif", handle, ServedVif(handle, nic.queues, nic.backend)
        else:
            yield "vif", handle, Vif(handle, nic, hvm)


def _helpers(shape: Shape, platform: Platform) -> list[str]:
    """The helpers the platform starts for such a VM, in that order."""
    hvm = shape.type == "hvm"
    needed = {
        "varstored": hvm and shape.uefi,
        "swtpm": hvm and shape.vtpm,
        "vncterm": not hvm,
        "tapback": bool(shape.disks),
    }
    return [name for name, wanted in needed.items() if wanted and name in platform.drivers.helpers]
