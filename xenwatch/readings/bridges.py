"""Readings: bridges and their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bridges:
    """Ports by bridge; `kinds` says bridge, openvswitch or openvswitch-1 (with ports in sysfs)."""

    ports: Mapping[str, int]
    kinds: Mapping[str, str]
