"""Metadata of thin pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit, Max
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot


def _sizes(snapshot: Snapshot) -> Mapping[str, Size]:
    """Metadata of the pools that have not failed."""
    pools = snapshot.thin_pools.by_name.items() if snapshot.thin_pools else ()
    return {name: pool.metadata for name, pool in pools if pool.metadata is not None}


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Bytes in use by pool."""
    return {name: size.used for name, size in _sizes(snapshot).items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Bytes by pool."""
    sizes = _sizes(snapshot).items()
    return {
        name: Max(size.total, "dmsetup status: metadata blocks of 4 KiB") for name, size in sizes
    }


LIMIT: Final = Limit(
    name="thin_pool_metadata",
    title="metadata of a thin pool",
    probe="thin_pools",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="dmsetup status --noflush --target thin-pool",
    symptom="the pool becomes read-only and writes of VMs fail",
    reference="Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst",
    caveat="LVM may refuse new volumes earlier, from 75 % on in a pool of little metadata.",
    unit="bytes",
    label="pool",
    uncounted="what a VM's disks take depends on what the VM writes",
    errors={
        # LVM2, lib/metadata/thin_manip.c: pool_below_threshold.
        "`Remaining free space in metadata of thin pool NAME is too low`": (
            "metadata of an LVM thin pool: no new volume and no snapshot, although data is free"
        ),
        # Linux, drivers/md/dm-thin.c: alloc_data_block, notify_of_pool_mode_change.
        "`no free metadata space available`, `switching pool to read-only mode`": (
            "metadata of a thin pool, which are full or could not be written: it is read-only now"
        ),
    },
)
