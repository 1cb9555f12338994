"""Readings: ports of Open vSwitch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from xenwatch.values import dataclass

DEAD_TAG: Final = 4095
"""Where Neutron puts a port that it does not know (DEAD_VLAN_TAG of ovs_neutron_agent.py)."""


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A port as it is configured.

    `bridge` is the bridge it is in, `tag` its VLAN there, `None` without one. A VLAN that is used
    like a bridge, as xapi has it, is a bridge of its own, whose ports need no tag; `switch` is then
    the bridge that has the VLAN, and else the same as `bridge`. `trunk` is whether the port is told
    to carry the tagged packets of several VLANs; `members` are the links of a bond, empty of any
    other port.
    """

    bridge: str
    tag: int | None
    trunk: bool
    switch: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenVswitch:
    """Ports of all bridges by name."""

    ports: Mapping[str, SwitchPort]

    def untagged(self, names: Collection[str]) -> frozenset[str]:
        """Those of the ports without a tag that are in a bridge where others of them have one."""
        ours = {name: self.ports[name] for name in names if name in self.ports}
        tagged = {port.bridge for port in ours.values() if port.tag not in (None, DEAD_TAG)}
        return frozenset(
            name
            for name, port in ours.items()
            if port.tag is None and not port.trunk and port.bridge in tagged
        )
