"""Readings: ports of Open vSwitch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
