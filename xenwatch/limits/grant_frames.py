"""Grant-table frames of a domain."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import (
    NO_COST,
    Cell,
    Cost,
    Costs,
    Density,
    Limit,
    Max,
    Shortage,
    Thresholds,
)
from xenwatch.limits.remedies import xen_option
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Grant-table frames by domain."""
    if snapshot.grants is None:
        return {}
    return {str(domid): frames.used for domid, frames in snapshot.grants.frames.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """Each domain's own maximum, as Xen has it."""
    if snapshot.grants is None:
        return {}
    return {
        str(domid): Max(frames.max, "GNTTABOP_query_size: max_nr_frames")
        for domid, frames in snapshot.grants.frames.items()
    }


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    option = release(shortage.snapshot).frames_option
    return () if option is None else (xen_option(shortage.snapshot, f"{option}={shortage.target}"),)


_COSTS: Final[Costs] = {
    **dict.fromkeys(REGIMES, NO_COST),
    # dom0's own table: 22 references a Windows vif with receive-side copy, 256 references a frame.
    "xenserver-6.1": {"pv": Cost(), "hvm": Cost(vif=Fraction(22, 256))},
}


LIMIT: Final = Limit(
    name="grant_frames",
    title="grant-table frames of a domain",
    probe="grants",
    used=used,
    max=maximum,
    thresholds=Thresholds(0.8, 0.95),
    source="GNTTABOP_query_size",
    symptom="max_grant_frames reached in the guest's log; devices fail to connect",
    reference="xen-command-line: gnttab_max_frames; xl.cfg: max_grant_frames",
    caveat="A high-water mark: a table never shrinks. On XenServer 6.1 the receive-side copy "
    "of a Windows vif uses 22 grant references of dom0, 256 per frame.",
    label="domid",
    costs=_COSTS,
    remedy=remedy,
    explains=("backend_errors",),
    errors={
        kinds.GRANT_FRAMES_FULL.messages: "grant frames of the domain whose kernel prints it",
        kinds.GRANTS_PENDING.messages: (
            "a grant was ended while the other domain still maps it: the kernel frees it later "
            "(deferring) or never (leaking), and many of them use up grant frames; look for a "
            "backend that did not disconnect, a vchan program that hangs, domains that do not go "
            "away"
        ),
        "`linux_gntshr_share_pages: ioctl failed (28 = No space left on device)`, "
        "`gntshr: error: ioctl failed: No space left on device`": (
            "gntalloc pages (`/sys/module/xen_gntalloc/parameters/limit`), not a disk"
        ),
    },
    density=Density("own_frames", {("windows", "xenserver-6.1"): Cell(372)}),
)
