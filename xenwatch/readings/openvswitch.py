"""Readings: ports of Open vSwitch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """A port as it is configured.

    `bridge` is the bridge it is in, `tag` its VLAN there, `None` without one: a VLAN that is used
    like a bridge, as xapi has it, is a bridge of its own, whose ports need no tag. `trunk` is
    whether the port is told to carry the tagged packets of several VLANs.
    """

    bridge: str
    tag: int | None
    trunk: bool


@dataclass(frozen=True, slots=True)
class OpenVswitch:
    """Ports of all bridges by name."""

    ports: Mapping[str, SwitchPort]
