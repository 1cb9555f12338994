"""Root and log file systems of dom0."""

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
    """Bytes used by mount point, by root and all others."""
    if snapshot.file_systems is None:
        return {}
    return {place: fs.used for place, fs in snapshot.file_systems.by_mount_point.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """What every user can fill by mount point, as df(1) has it: the reserve is root's alone."""
    if snapshot.file_systems is None:
        return {}
    return {
        place: Max(fs.used + fs.available, "statvfs: f_blocks less root's reserve")
        for place, fs in snapshot.file_systems.by_mount_point.items()
    }


LIMIT: Final = Limit(
    name="file_system",
    title="root and log file systems of dom0",
    probe="file_systems",
    used=used,
    max=maximum,
    thresholds=LATE,
    source="statvfs",
    symptom="No space left on device; xapi cannot write its database, logging stops",
    reference="xenserver.org, Dundee: dom0 disk layout",
    caveat="As `df` for any user; a file system may keep a reserve that only root can fill, "
    "`xenwatch_file_system_reserved_bytes`.",
    unit="bytes",
    label="mountpoint",
    errors={
        (
            "`No space left on device` from any program that writes a file, "
            "`Unix.Unix_error(Unix.ENOSPC` from the toolstack"
        ): "dom0's root or log file system: its space, or with space free its inodes (`df -i`)"
    },
)
