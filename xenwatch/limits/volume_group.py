"""Space of the volume groups that hold disks of guests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import Limit, Thresholds
from xenwatch.limits.storage_sizes import size_max, size_used
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot


def _sizes(snapshot: Snapshot) -> Mapping[str, Size]:
    """Extents of the groups."""
    return snapshot.volume_groups.by_name if snapshot.volume_groups else {}


LIMIT: Final = Limit(
    name="volume_group",
    title="space of a volume group with disks of VMs",
    probe="volume_groups",
    used=size_used(_sizes),
    max=size_max(_sizes, "vgs: vg_size"),
    # Running VMs do not notice a full group: only what is made anew fails.
    thresholds=Thresholds(0.9, None),
    source="vgs --readonly: vg_size, vg_free",
    symptom="new disks, snapshots and backups fail; disks of running VMs are not affected",
    reference="sm, libs/sm/lvutil.py; vgs(8)",
    caveat="Groups of storage repositories on LVM (VG_XenStorage-UUID) and groups with a volume "
    "that blkback serves; volumes on a thin pool take of the pool.",
    unit="bytes",
    label="group",
    uncounted="the size of a VM's disks is not stated",
    errors={
        # LVM2, lib/metadata/lv_manip.c.
        "`has insufficient free space (N extents): N required`, `Insufficient free extents`": (
            "free space of an LVM volume group, of which a volume was to be made or extended"
        )
    },
)
