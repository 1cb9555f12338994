"""Metadata of thin pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.storage_sizes import size_max, size_used
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot


def _sizes(snapshot: Snapshot) -> Mapping[str, Size]:
    """Metadata of the pools that have not failed."""
    pools = snapshot.thin_pools.by_name.items() if snapshot.thin_pools else ()
    return {name: pool.metadata for name, pool in pools if pool.metadata is not None}


LIMIT: Final = Limit(
    name="thin_pool_metadata",
    title="metadata of a thin pool",
    probe="thin_pools",
    used=size_used(_sizes),
    max=size_max(_sizes, "dmsetup status: metadata blocks of 4 KiB"),
    thresholds=EARLY,
    source="dmsetup status --noflush --target thin-pool",
    symptom="the pool becomes read-only and writes of VMs fail",
    reference="Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst",
    caveat="LVM may refuse new volumes earlier, from 75 % on in a pool of little metadata.",
    unit="bytes",
    label="thin_pool",
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
