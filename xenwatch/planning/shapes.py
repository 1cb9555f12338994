"""Shapes: the properties of a VM that matter for planning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.values import dataclass

TYPES: Final = ("pv", "pvh", "hvm")
_GIB: Final = 1 << 30
DEFAULT_MEMORY: Final = 2 * _GIB
"""Bytes of memory of a VM that states none: the least XenServer supports for 64-bit Windows 10, and
for CentOS 7 (docs.citrix.com, XenServer, "Guest operating system support")."""
_LINUX_MEMORY: Final = _GIB
"""The least XenServer supports for paravirtualised 64-bit CentOS 6.2 to 6.9 (the same table)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a VM that determine its cost.

    `queues` are the queues of each network interface, 0 for as many as guest and netback allow.
    `dom0_memory_bytes` and `tasks` are what dom0 needs for the VM, 0 if unknown. `bridge` is the
    bridge of the network interfaces, empty for the one with the most headroom of those that have
    network interfaces of VMs.
    """

    name: str
    type: str = "hvm"
    vcpus: int = 1
    disks: int = 1
    vifs: int = 1
    queues: int = 0
    uefi: bool = False
    memory_bytes: int = DEFAULT_MEMORY
    dom0_memory_bytes: int = 0
    tasks: int = 0
    bridge: str = ""


BUILT_IN: Final[Mapping[str, Shape]] = {
    "windows": Shape("windows", "hvm", vcpus=1, disks=3, vifs=1),
    "linux": Shape("linux", "pv", vcpus=1, disks=1, vifs=1, memory_bytes=_LINUX_MEMORY),
}
"""The two shapes of the published density figures, by name; their memory was not published."""
