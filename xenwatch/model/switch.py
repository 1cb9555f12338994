"""Open vSwitch of the synthetic host, its uplinks, and interfaces that lose their network."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Final

from xenwatch.model.platform import XAPI, Platform
from xenwatch.model.render.ovsdb import render_switch
from xenwatch.model.render.text import render_number
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.ovsdb import BridgeRow, PortRow, SwitchRows
from xenwatch.sources.base import CommandOutput
from xenwatch.values import dataclass

CLIENT: Final = "/usr/bin/ovsdb-client"
BRIDGE: Final = "xenbr0"
"""The bridge with all ports; the platform's `bridge` is the datapath, which the kernel shows."""
TAG: Final = 1
"""The VLAN of all interfaces once something tags them, as Neutron does."""
_DEAD: Final = 4095
_MEGABITS: Final = 10_000
"""Speed of a physical interface."""
_NAMESPACE: Final = uuid.UUID("0b7c3b1e-2f5d-4c41-9f0e-6c2a3b9f9d11")
FAULTS: Final = ("bridge", "down", "tag", "dead")
"""How an interface loses its network: taken from its bridge, set down, not tagged where all others
are, in the VLAN of ports that nobody knows."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A step of a scenario: the oldest VM that has its network loses it, in one of these ways."""

    fault: str
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


@dataclass(frozen=True, slots=True)
class Unplug:
    """A step of a scenario: a physical interface loses its signal."""

    device: str
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the files."""
    if dom0.platform.bridge_kind == "openvswitch":
        tree.file("/run/openvswitch/db.sock", b"")
        tree.file(CLIENT, b"\x7fELF")
    for link in dom0.links.values():
        if link.was_up and link.carrier:
            tree.file(f"/sys/class/net/{link.name}/speed", render_number(_MEGABITS))


def answer(dom0: Dom0) -> CommandOutput:
    """What ovsdb-client prints of bridges, ports and interfaces."""
    switch = next(index for index in dom0.bridge_ports)
    names = [link.name for link in dom0.links.values() if link.master == switch]
    members: dict[str, tuple[str, ...]] = {name: (name,) for name in (BRIDGE, *names)}
    if dom0.platform.bond:
        members["bond0"] = members.pop("eth0") + members.pop("eth1")
    ports = tuple(
        PortRow(
            uuid=_uuid(f"port {name}"),
            name=name,
            tag=dom0.tags.get(name),
            trunks=(),
            vlan_mode="",
            fake_bridge=False,
            interfaces=tuple(map(_uuid, its)),
        )
        for name, its in members.items()
    )
    bridge = BridgeRow(BRIDGE, tuple(port.uuid for port in ports))
    interfaces = {_uuid(name): name for its in members.values() for name in its}
    return CommandOutput(0, render_switch(SwitchRows((bridge,), ports, interfaces)), b"")


def _uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


def hotplug_script(platform: Platform) -> str:
    """The script that attaches interfaces, as its key in xenstore has it."""
    if platform.toolstack == XAPI:
        return "/etc/xensource/scripts/vif"
    switch = "openvswitch" if platform.bridge_kind == "openvswitch" else "bridge"
    return f"/etc/xen/scripts/vif-{switch}"


def unplug(dom0: Dom0, device: str) -> bool:
    """Take the signal from a physical interface; false when there is none of that name."""
    for index, link in dom0.links.items():
        if link.name == device:
            dom0.links[index] = dataclasses.replace(link, carrier=False)
            return True
    return False


def disconnect(dom0: Dom0, domid: int, fault: str) -> None:
    """Take the network from all interfaces of a domain, in one of the ways of `FAULTS`."""
    if fault in ("tag", "dead"):
        for link in dom0.links.values():
            if link.name.startswith("vif"):
                dom0.tags.setdefault(link.name, TAG)
    for index, link in dom0.links.items():
        if not link.name.startswith(f"vif{domid}."):
            continue
        if fault == "bridge":
            dom0.links[index] = dataclasses.replace(link, master=None)
        elif fault == "down":
            dom0.links[index] = dataclasses.replace(link, up=False)
        elif fault == "tag":
            del dom0.tags[link.name]
        else:
            dom0.tags[link.name] = _DEAD
