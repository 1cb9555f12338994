"""Bridges and ports of Open vSwitch as its database gives them to ovsdb-client.

A transaction and its answer are JSON (RFC 7047, 4.1.3 and 5.2.2), tables and columns those of
ovs-vswitchd.conf.db(5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_SUBJECT: Final = "ovsdb-client"
_BRIDGE: Final = ("name", "ports")
_PORT: Final = ("_uuid", "name", "tag", "trunks", "vlan_mode", "fake_bridge", "interfaces")
_INTERFACE: Final = ("_uuid", "name")
_TABLES: Final = (("Bridge", _BRIDGE), ("Port", _PORT), ("Interface", _INTERFACE))


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """A bridge: its name, and the UUIDs of its ports."""

    name: str
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortRow:
    """A port as it is configured.

    `tag` is `None` and `vlan_mode` empty where there is none, `trunks` the VLANs it is told to
    carry. `fake_bridge` is whether it is a VLAN of its bridge that is used like a bridge,
    `interfaces` are the UUIDs of those it consists of: of a bond more than one.
    """

    uuid: str
    name: str
    tag: int | None
    trunks: tuple[int, ...]
    vlan_mode: str
    fake_bridge: bool
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SwitchRows:
    """The rows of three tables, in the order of the answer; of interfaces the name by UUID."""

    bridges: tuple[BridgeRow, ...]
    ports: tuple[PortRow, ...]
    interfaces: Mapping[str, str]


def transaction() -> str:
    """One transaction that selects bridges, ports and interfaces, and can change nothing."""
    selects = [
        {"op": "select", "table": table, "where": [], "columns": list(columns)}
        for table, columns in _TABLES
    ]
    return json.dumps(["Open_vSwitch", *selects])


def parse_switch(data: bytes) -> SwitchRows:
    """The answer to the transaction. Raises `ParseError`, also where the database refused it."""
    try:
        results = json.loads(data)
        for result in results:
            if result is not None and "error" in result:
                reason = f"transaction failed: {result['error']}: {result.get('details', '')}"
                raise ParseError(_SUBJECT, reason)
        bridges, ports, interfaces = (result["rows"] for result in results)
        return SwitchRows(
            tuple(map(_bridge, bridges)),
            tuple(map(_port, ports)),
            {_uuid(row["_uuid"]): _text(row["name"]) for row in interfaces},
        )
    except ParseError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ParseError(_SUBJECT, "expected the rows of three tables", data) from error


def _bridge(row: dict[str, Any]) -> BridgeRow:
    return BridgeRow(_text(row["name"]), tuple(map(_uuid, _atoms(row["ports"]))))


def _port(row: dict[str, Any]) -> PortRow:
    tags, modes = _atoms(row["tag"]), _atoms(row["vlan_mode"])
    return PortRow(
        uuid=_uuid(row["_uuid"]),
        name=_text(row["name"]),
        tag=_number(tags[0]) if tags else None,
        trunks=tuple(map(_number, _atoms(row["trunks"]))),
        vlan_mode=_text(modes[0]) if modes else "",
        fake_bridge=row["fake_bridge"] is True,
        interfaces=tuple(map(_uuid, _atoms(row["interfaces"]))),
    )


def _atoms(value: object) -> list[Any]:
    """The elements of a set; a set of one may be written as that one."""
    match value:
        case ["set", list(atoms)]:
            return atoms
        case _:
            return [value]


def _uuid(value: object) -> str:
    match value:
        case ["uuid", str(text)]:
            return text
        case _:
            raise TypeError(f"not a UUID: {value!r:.60}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r:.60}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"not an integer: {value!r:.60}")
    return value
