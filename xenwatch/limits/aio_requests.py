"""aio requests, which tapdisks set up for their disks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    DENSITY,
    EARLY,
    NO_COST,
    Cell,
    Cost,
    Costs,
    Density,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.limits.remedies import sysctl
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Requests set up."""
    return {} if snapshot.aio is None else {"": snapshot.aio.nr}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """`aio-max-nr`, or twice that where the kernel counts doubled requests.

    Linux 3.12 to 4.14 add max(asked, 4 * CPUs) * 2 to aio-nr and compare it with twice the limit
    (fs/aio.c, ioctx_alloc); before and after, what was asked counts.
    """
    doubled = release(snapshot).linux.aio_doubled
    if snapshot.aio is None or doubled is None:
        return {}
    if doubled:
        origin = "2 * fs.aio-max-nr: Linux 3.12 to 4.14 count every request twice"
        return {"": Max(2 * snapshot.aio.max_nr, origin)}
    return {"": Max(snapshot.aio.max_nr, "fs.aio-max-nr")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    doubled = release(shortage.snapshot).linux.aio_doubled
    target = -(-shortage.target // 2) if doubled else shortage.target
    return sysctl(shortage.snapshot, "fs.aio-max-nr", target)


_COSTS: Final[Costs] = {
    "xenserver-6.1": same(Cost(disk=402)),
    "xenserver-6.2": same(Cost(disk=402)),
    "xenserver-7.0": same(Cost(disk=402)),
    "xenserver-7": same(Cost(disk=2 * 402)),
    "xapi-8.2": same(Cost(disk=402)),
    "xapi-8.3": same(Cost(disk=804)),
    "xl": NO_COST,
}
"""TAPDISK_TIOCBS of each queue of a tapdisk; xen-blkback needs none."""


LIMIT: Final = Limit(
    name="aio_requests",
    title="aio requests",
    probe="aio",
    used=used,
    max=maximum,
    thresholds=EARLY,
    by_domain="xenwatch_domain_disks",
    source="/proc/sys/fs/aio-nr and aio-max-nr",
    symptom="Couldn't setup AIO context",
    reference=DENSITY,
    costs=_COSTS,
    remedy=remedy,
    errors={
        (
            "`Couldn't setup AIO context ... you may need to increase the "
            "system-wide aio request limit`"
        ): "`fs.aio-max-nr`"
    },
    density=Density(
        "aio",
        {
            ("windows", "xenserver-6.1"): Cell(368),
            ("windows", "xenserver-6.2"): Cell(869),
            ("linux", "xenserver-6.1"): Cell(368, "sic"),
            ("linux", "xenserver-6.2"): Cell(869, "sic"),
        },
    ),
)
