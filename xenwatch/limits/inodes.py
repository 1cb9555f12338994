"""Inodes of dom0's root and log file systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    LATE,
    Limit,
    Max,
)
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Inodes in use by mount point, of file systems that have a fixed number."""
    if snapshot.file_systems is None:
        return {}
    found = snapshot.file_systems.by_mount_point
    return {place: fs.inodes_used for place, fs in found.items() if fs.inodes_used is not None}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Inodes by mount point."""
    if snapshot.file_systems is None:
        return {}
    found = snapshot.file_systems.by_mount_point
    return {
        place: Max(fs.inodes, "statvfs: f_files")
        for place, fs in found.items()
        if fs.inodes is not None
    }


LIMIT: Final = Limit(
    name="inodes",
    title="inodes of dom0's root and log file systems",
    probe="file_systems",
    used=used,
    max=maximum,
    thresholds=LATE,
    source="statvfs: f_files less f_ffree",
    symptom="No space left on device although df shows free space",
    reference="statvfs(3): f_ffree; mke2fs(8): -N",
    label="mountpoint",
    errors={
        "No space left on device while df shows free space": (
            "inodes of dom0's root or log file system"
        )
    },
)
