"""Space of the volume groups that hold disks of guests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import Limit, Max, Thresholds
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Bytes that volumes have, by group."""
    if snapshot.volume_groups is None:
        return {}
    return {name: size.used for name, size in snapshot.volume_groups.by_name.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Bytes by group."""
    if snapshot.volume_groups is None:
        return {}
    groups = snapshot.volume_groups.by_name.items()
    return {name: Max(size.total, "vgs: vg_size") for name, size in groups}


LIMIT: Final = Limit(
    name="volume_group",
    title="space of a volume group with disks of VMs",
    probe="volume_groups",
    used=used,
    max=maximum,
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
