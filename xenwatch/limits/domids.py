"""Domain ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    NEVER,
    Limit,
    Max,
)
from xenwatch.parse.domaininfo import FIRST_RESERVED
from xenwatch.readings.snapshot import Snapshot

LAST_DOMID: Final = FIRST_RESERVED - 1


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """The highest domain id in use."""
    if not snapshot.domids:
        return {}
    return {"": max(snapshot.domids)}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The last id that is not reserved."""
    if not snapshot.domids:
        return {}
    return {"": Max(LAST_DOMID, "DOMID_FIRST_RESERVED")}


LIMIT: Final = Limit(
    name="domids",
    title="highest domain id",
    probe="domains",
    used=used,
    max=maximum,
    thresholds=NEVER,
    source="XEN_SYSCTL_getdomaininfolist",
    symptom="none: ids wrap around to 1",
    reference="Xen, xen/include/public/xen.h: DOMID_FIRST_RESERVED",
    caveat="Ids are assigned in sequence and reused: a high id is not a shortage.",
)
