"""Space of the storage repositories that are file systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import EARLY, Limit
from xenwatch.limits.storage_sizes import size_max, size_used
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot


def _sizes(snapshot: Snapshot) -> Mapping[str, Size]:
    """The repositories that answer."""
    found = snapshot.storage_repositories
    by_uuid = found.by_uuid.items() if found else ()
    return {name: one.size for name, one in by_uuid if one.size is not None}


LIMIT: Final = Limit(
    name="storage_repository",
    title="space of a storage repository",
    probe="storage_repositories",
    used=size_used(_sizes),
    max=size_max(_sizes, "statvfs: f_blocks less root's reserve"),
    thresholds=EARLY,
    source="statvfs of the file systems below /run/sr-mount",
    symptom="disks of VMs on it get I/O errors, and new disks and snapshots fail",
    reference="sm, libs/sm/drivers: FileSR.py, NFSSR.py, EXTSR.py, SMBSR.py",
    caveat="Only repositories that are file systems (EXT, XFS, NFS, SMB); of those on LVM see "
    "`volume_group`. Disks are thin: they may be promised more than the repository has. "
    "Coalescing snapshots takes space before it frees some.",
    unit="bytes",
    label="storage",
    uncounted="what a VM's disks take depends on what the VM writes",
    errors={
        # sm, libs/sm/core/XE_SR_ERRORCODES.xml: SRNoSpace.
        "`SR_BACKEND_FAILURE_44`, `There is insufficient space`": (
            "free space of a storage repository, or of its volume group where it is on LVM"
        )
    },
)
