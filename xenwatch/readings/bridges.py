"""Readings: bridges and their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Bridges:
    """Ports by bridge; `kinds` says bridge, openvswitch or openvswitch-1 (with ports in sysfs).

    `vifs` is how many of the ports are network interfaces of domains, by their usual names.
    """

    ports: Mapping[str, int]
    kinds: Mapping[str, str]
    vifs: Mapping[str, int] = field(default_factory=dict)
