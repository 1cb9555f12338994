"""Readings: how long VMs take to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.values import dataclass

BOUNDS: Final = (
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
    180.0,
    300.0,
    600.0,
)
"""Upper bounds of the buckets in seconds."""


@dataclass(frozen=True, slots=True)
class VmStarts:
    """Starts of VMs since the daemon began.

    `counts` are of finished starts by bucket of `BOUNDS`, the last one of longer ones, `seconds`
    their total. `failed` are starts that did not finish, `in_progress` those that may. `starting`
    is the seconds since its introduction of each VM by domid of which its devices are expected to
    connect.
    """

    counts: tuple[int, ...]
    seconds: float
    failed: int
    in_progress: int
    starting: Mapping[int, float]
