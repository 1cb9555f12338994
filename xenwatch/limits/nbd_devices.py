"""Nbd devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Entries in use."""
    return {} if snapshot.nbds is None else {"": snapshot.nbds.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Entries there can be."""
    return (
        {} if snapshot.nbds is None else {"": Max(snapshot.nbds.max, "nbds_max of the module nbd")}
    )


LIMIT: Final = Limit(
    name="nbd_devices",
    title="nbd devices",
    probe="nbds",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/partitions: nbd devices with a size",
    symptom="There are no more free NBD devices: disks cannot be attached, copied or backed up",
    reference="Linux, drivers/block/nbd.c: nbds_max",
    caveat="A client that speaks netlink can make devices beyond nbds_max (Linux 4.12 and later).",
    errors={"`There are no more free NBD devices`, `NbdDeviceNotFound`": "nbd devices"},
)
