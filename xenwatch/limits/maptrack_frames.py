"""Maptrack frames of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import (
    EARLY,
    Limit,
    Max,
)
from xenwatch.readings.snapshot import Snapshot


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Maptrack frames of dom0."""
    return {} if snapshot.maptrack is None else {"": snapshot.maptrack.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """dom0's own maximum, as the dump has it."""
    if snapshot.maptrack is None:
        return {}
    return {"": Max(snapshot.maptrack.max, "xl debug-keys g: max maptrack frames")}


LIMIT: Final = Limit(
    name="maptrack_frames",
    title="maptrack frames of dom0",
    probe="maptrack",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="xl debug-keys g",
    symptom="I/O errors inside guests; maptrack limit reached in dom0's kernel log up to Xen 4.15",
    reference="xen-command-line: gnttab_max_maptrack_frames",
    caveat="Counts frames, not entries: an allocated frame may be full or empty.",
    uncounted="the number of pages a VM's devices keep mapped depends on its load",
    errors={
        kinds.MAPTRACK_FULL.messages: "dom0's maptrack",
        # From Xen 4.16 on the error is GNTST_no_space, which Linux 6.1 does not log.
        "`I/O error, dev xvdNAME` in guests, and from Xen 4.16 on nothing in dom0's logs": (
            "dom0's maptrack"
        ),
    },
)
