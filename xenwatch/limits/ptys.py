"""Pseudo-terminals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    EARLY,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.limits.remedies import sysctl
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Pseudo-terminals in use."""
    return {} if snapshot.ptys is None else {"": snapshot.ptys.nr}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """`kernel.pty.max`, and one less where the kernel counts the pty that is being opened.

    `kernel.pty.reserve` is kept from containers alone: devpts that was mounted in init's mount
    namespace, as dom0's is, may take it too (fs/devpts/inode.c, devpts_new_index).
    """
    spare = release(snapshot).linux.spare_pty
    if snapshot.ptys is None or spare is None:
        return {}
    if not spare:
        return {"": Max(snapshot.ptys.max, "kernel.pty.max")}
    return {"": Max(max(0, snapshot.ptys.max - 1), "kernel.pty.max less 1, as of Linux 4.19")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    spare = release(shortage.snapshot).linux.spare_pty
    return sysctl(shortage.snapshot, "kernel.pty.max", shortage.target + bool(spare))


_COSTS: Final[Costs] = {
    **dict.fromkeys(REGIMES, same(Cost(domain=1))),
    "xl": {**same(Cost(domain=1), "pv", "pvh"), "hvm": Cost(domain=2)},
}
"""One a console: xenconsoled's or QEMU's. For xl as if every HVM domain had `serial="pty"`, which
is a second one, of QEMU's: xenconsoled serves its console too."""


LIMIT: Final = Limit(
    name="ptys",
    title="pseudo-terminals",
    probe="ptys",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/sys/kernel/pty/nr and max",
    symptom="No space left on device from /dev/ptmx; a guest without console",
    reference="pty(7), Linux fs/devpts/inode.c",
    costs=_COSTS,
    remedy=remedy,
    errors={"`/dev/ptmx: No space left on device`": "pseudo-terminals"},
)
