"""Readings: the slices' part of dom0's CPU time, and processes outside of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """A control group of systemd's.

    `weight` and `expected` are in the host's own scale: `cpu.shares` of version 1, `cpu.weight`
    of version 2. `share` is the part of dom0's CPU time, 0 to 1, that is guaranteed when every
    other group and process wants the CPU too. `pressure` is seconds stalled by kind
    (some, full), empty where the kernel does not report it.
    """

    weight: int | None
    expected: int | None
    share: float | None
    cpu_seconds: float | None
    throttled_seconds: float | None
    pressure: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices by name, and misplaced processes.

    `contenders` counts the processes and threads in the root group that compete with the slices
    one by one. `misplaced` counts by name and group; `shipped` those that this release's own
    toolstack puts where they are. `setters` are units with a setting for the CPU, with the file
    that shows it, on hosts without control.slice; `None` where that cannot be read.
    """

    by_name: Mapping[str, Slice]
    contenders: int
    misplaced: Mapping[tuple[str, str], int]
    shipped: Mapping[tuple[str, str], int] = field(default_factory=dict)
    setters: Mapping[str, str] | None = field(default_factory=dict)
