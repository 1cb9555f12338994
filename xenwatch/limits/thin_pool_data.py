"""Space of thin pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.storage_sizes import size_max, size_used
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot


def _sizes(snapshot: Snapshot) -> Mapping[str, Size]:
    """Space of the pools that have not failed."""
    pools = snapshot.thin_pools.by_name.items() if snapshot.thin_pools else ()
    return {name: pool.data for name, pool in pools if pool.data is not None}


LIMIT: Final = Limit(
    name="thin_pool_data",
    title="space of a thin pool",
    probe="thin_pools",
    used=size_used(_sizes),
    max=size_max(_sizes, "dmsetup status: data blocks"),
    thresholds=EARLY,
    source="dmsetup status --noflush --target thin-pool",
    symptom="writes of VMs wait for 60 s and then fail",
    reference="Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst",
    caveat="LVM may refuse new volumes earlier, at a threshold of its own.",
    unit="bytes",
    label="thin_pool",
    uncounted="what a VM's disks take depends on what the VM writes",
    errors={
        # LVM2, lib/metadata/thin_manip.c: pool_below_threshold, of data or of metadata.
        "`free space in thin pool`": (
            "an LVM thin pool whose data or metadata are fuller than its threshold: no new volume "
            "and no snapshot; at 100 % writes of VMs fail"
        ),
        # Linux, drivers/md/dm-thin.c: notify_of_pool_mode_change.
        "`switching pool to out-of-data-space`": (
            "a thin pool without free data blocks: writes of VMs wait, and fail after 60 s"
        ),
    },
)
