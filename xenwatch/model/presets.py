"""Synthetic hosts by name, each with a realistic population."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from xenwatch.model.devices import XVDA, Disk, Nic, Shape, vm
from xenwatch.model.host import Machine
from xenwatch.model.platform import Platform
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.qemu import AFTER_PULSAR, ARGUMENTS, BEFORE_PULSAR, Habits

HOSTILE: Final = b'db"1\\\n{domid="0"} \xff\xfe'
"""A name that would forge a series where it is not escaped: quote, backslash, newline, no UTF-8."""

_SMALL: Final = Shape("hvm", 1, 1048576, (Disk(),), (Nic(),))
_DESKTOP: Final = Shape("hvm", 1, 1048576, (Disk(),), (Nic(),), uefi=True, vtpm=True)
_WEB: Final = Shape("hvm", 2, 4194304, (Disk(),), (Nic(queues=2),))
_DATABASE: Final = Shape("hvm", 4, 16777216, (Disk(), Disk(), Disk()), (Nic(queues=2), Nic()))
_PV: Final = Shape("pv", 1, 1048576, (Disk(),), (Nic(),))
_PVH: Final = Shape("pvh", 2, 2097152, (Disk(),), (Nic(),))
_LEAF: Final = Shape("pv", 1, 262144, (Disk(),), ())


def xcp_ng_8_3() -> Machine:
    """XCP-ng 8.3 with 24 VMs: one badly named, one without its network, one that does not die."""
    machine = Machine(XCP_NG_8_3)
    for number in range(1, 13):
        machine.start(b"web-%02d" % number, _WEB)
    for number in range(1, 5):
        machine.start(b"db-%02d" % number, _DATABASE)
    for number in range(1, 5):
        machine.start(b"desktop-%02d" % number, _DESKTOP)
    machine.start(b"legacy-pv", _PV)
    machine.start(HOSTILE, _SMALL)
    broken = machine.start(b"mail", _SMALL)
    machine.fail(broken, "vif", 0, "28 mapping shared-frames 522/523 port tx 9 rx 10")
    machine.leave_zombie(machine.start(b"gone", _SMALL))
    return machine


def debian_12() -> Machine:
    """Debian 12 with 16 VMs of every type, with the same three misfortunes."""
    machine = Machine(DEBIAN_12)
    for number in range(1, 9):
        machine.start(b"pv%03d" % number, _PV)
    for number in range(1, 4):
        machine.start(b"pvh%03d" % number, _PVH)
    machine.start(b"hvm001", _SMALL)
    machine.start(b"leaf", _LEAF)
    machine.start(HOSTILE, _PV)
    broken = machine.start(b"no-disk", _PV)
    machine.fail(broken, "vbd", XVDA, "28 mapping ring-ref port 8")
    machine.leave_zombie(machine.start(b"gone", _PV))
    return machine


def few(platform: Platform) -> Machine:
    """Two Windows and two Linux VMs, the last of them without its network."""
    machine = Machine(platform)
    for name in (b"windows-1", b"windows-2"):
        machine.start(name, vm(platform, "hvm", disks=3))
    machine.start(b"linux-1", vm(platform, "pv", vcpus=2))
    broken = machine.start(b"linux-2", vm(platform, "pv"))
    machine.fail(broken, "vif", 0, "28 mapping shared-frames 8/521 port 7")
    return machine


def desktops(habits: Habits, peripherals: tuple[str, ...] = tuple(ARGUMENTS)) -> Machine:
    """Idle Windows desktops on XCP-ng 8.3, each with what wakes its QEMU."""
    machine = Machine(XCP_NG_8_3)
    shape = Shape("hvm", 1, 2097152, (Disk(),), (Nic(),), peripherals, habits)
    for number in range(1, 5):
        machine.start(b"desktop-%02d" % number, shape)
    return machine


_OWN: Final = {XCP_NG_8_3.name: xcp_ng_8_3, DEBIAN_12.name: debian_12}
PRESETS: Final[Mapping[str, Callable[[], Machine]]] = {
    name: _OWN.get(name) or partial(few, platform)
    for name, platform in PLATFORMS.items()
    if platform is not EXPERIMENT
} | {
    "pulsar-before": partial(desktops, BEFORE_PULSAR),
    "pulsar-after": partial(desktops, AFTER_PULSAR, ()),
}
"""The makers of the synthetic hosts: by name of the platform, the default one first, and two that
show what the VMs' emulated devices cost dom0."""
