"""Ports of Open vSwitch and their VLANs, from its database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.parse.ovsdb import PortRow, SwitchRows, parse_switch, transaction
from xenwatch.probes.base import NotApplicable, Probe
from xenwatch.probes.xen import list_optional, require_dom0
from xenwatch.readings.openvswitch import OpenVswitch, SwitchPort
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

DIRECTORY: Final = "/var/run/openvswitch"
SOCKET: Final = "db.sock"
CLIENT: Final = "/usr/bin/ovsdb-client"
DEADLINE: Final = 3.0


def command(socket: str = f"{DIRECTORY}/{SOCKET}") -> tuple[str, ...]:
    """The command that asks the database at a socket. It selects, and changes nothing."""
    return (CLIENT, "transact", f"unix:{socket}", transaction())


@dataclass(frozen=True, slots=True)
class _Memory:
    """The last answer of the database, as its hash, and what was read of it."""

    digest: bytes = b""
    found: OpenVswitch = field(default_factory=lambda: OpenVswitch({}))


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[OpenVswitch, _Memory]:
    """All ports. Raises `NotApplicable` without Open vSwitch, `SourceError` and `ParseError`.

    The answer is hundreds of bytes for each port, and usually the same as the last one.
    """
    require_dom0(source, context)
    if SOCKET not in (list_optional(source, DIRECTORY) or ()):
        raise NotApplicable(f"no Open vSwitch: no {DIRECTORY}/{SOCKET}")
    output = source.run(command(), DEADLINE)
    if output.status:
        said = output.stderr.decode("utf-8", "backslashreplace").strip()
        raise SourceError(CLIENT, f"failed with exit status {output.status}: {said[:200]}")
    digest = hashlib.blake2b(output.stdout).digest()
    if digest != memory.digest:
        memory = _Memory(digest, OpenVswitch(_ports(parse_switch(output.stdout))))
    return memory.found, memory


def _ports(rows: SwitchRows) -> dict[str, SwitchPort]:
    """Ports by name.

    A port with the tag of a VLAN bridge is in that bridge, as ovs-vsctl(8) lists it.
    """
    bridges = {port: bridge.name for bridge in rows.bridges for port in bridge.ports}
    placed = [(port, bridges[port.uuid]) for port in rows.ports if port.uuid in bridges]
    vlans = {(bridge, port.tag): port.name for port, bridge in placed if port.fake_bridge}
    found = {}
    for port, bridge in placed:
        vlan = vlans.get((bridge, port.tag))
        if vlan is not None:
            found[port.name] = SwitchPort(vlan, None, trunk=False, switch=bridge)
        else:
            trunk = bool(port.trunks) or port.vlan_mode == "trunk"
            members = _members(port, rows.interfaces)
            found[port.name] = SwitchPort(bridge, port.tag, trunk, bridge, members)
    return found


def _members(port: PortRow, interfaces: Mapping[str, str]) -> tuple[str, ...]:
    """The links of a bond by name, sorted; none of a port with one link."""
    if len(port.interfaces) < 2:
        return ()
    return tuple(sorted(interfaces[key] for key in port.interfaces if key in interfaces))


OPENVSWITCH = Probe(
    name="openvswitch",
    reads=f"bridges, ports and bonds by {CLIENT} from {DIRECTORY}/{SOCKET}",
    advice="check that its database answers: ovs-vsctl show; "
    "without ovsdb-client or with --path.rootfs set enabled = false in [probes.openvswitch]",
    read=read,
    memory=_Memory(),
    interval=60.0,
)
