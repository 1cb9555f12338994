"""What ovsdb-client prints of a transaction: one JSON array in a line (RFC 7047, 5.2.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from xenwatch.parse.ovsdb import PortRow, SwitchRows


def render_switch(rows: SwitchRows) -> bytes:
    """The answer to a transaction that selects bridges, ports and interfaces."""
    bridges = [
        {"name": bridge.name, "ports": _set([["uuid", port] for port in bridge.ports])}
        for bridge in rows.bridges
    ]
    ports = [_port(port) for port in rows.ports]
    interfaces = [{"_uuid": ["uuid", key], "name": name} for key, name in rows.interfaces.items()]
    answer = [{"rows": bridges}, {"rows": ports}, {"rows": interfaces}]
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _port(port: PortRow) -> dict[str, Any]:
    return {
        "_uuid": ["uuid", port.uuid],
        "name": port.name,
        "tag": _set([] if port.tag is None else [port.tag]),
        "trunks": _set(port.trunks),
        "vlan_mode": _set([port.vlan_mode] if port.vlan_mode else []),
        "fake_bridge": port.fake_bridge,
        "interfaces": _set([["uuid", interface] for interface in port.interfaces]),
    }


def _set(atoms: Sequence[object]) -> object:
    """A set; ovsdb-server writes one of one element as that element."""
    return atoms[0] if len(atoms) == 1 else ["set", list(atoms)]
