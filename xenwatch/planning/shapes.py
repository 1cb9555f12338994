"""Shapes: the properties of a VM that matter for planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TYPES: Final = ("pv", "pvh", "hvm")


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a VM that determine its cost.

    `queues` are the queues of each network interface, 0 for as many as guest and netback allow.
    `memory_bytes` is 0 if it is not counted; `dom0_memory_bytes` and `tasks` are what dom0
    needs for the VM, 0 if unknown. `bridge` is the bridge of the network interfaces, empty for the
    one with the most headroom of those that have network interfaces of VMs.
    """

    name: str
    type: str = "hvm"
    vcpus: int = 1
    disks: int = 1
    vifs: int = 1
    queues: int = 0
    uefi: bool = False
    memory_bytes: int = 0
    dom0_memory_bytes: int = 0
    tasks: int = 0
    bridge: str = ""


BUILT_IN: Final[Mapping[str, Shape]] = {
    "windows": Shape("windows", "hvm", vcpus=1, disks=3, vifs=1),
    "linux": Shape("linux", "pv", vcpus=1, disks=1, vifs=1),
}
"""The two shapes of the published density figures, by name."""
