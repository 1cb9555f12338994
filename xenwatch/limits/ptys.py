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


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Pseudo-terminals in use."""
    return {} if snapshot.ptys is None else {"": snapshot.ptys.nr}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The initial devpts instance, which dom0 uses, may take the reserve too."""
    if snapshot.ptys is None:
        return {}
    return {"": Max(snapshot.ptys.max, "kernel.pty.max")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    return sysctl(shortage.snapshot, "kernel.pty.max", shortage.target)


_COSTS: Final[Costs] = dict.fromkeys(REGIMES, same(Cost(domain=1)))
"""One a console: xenconsoled's or QEMU's."""


LIMIT: Final = Limit(
    name="ptys",
    title="pseudo-terminals",
    probe="ptys",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="/proc/sys/kernel/pty/nr and max",
    symptom="No space left on device from /dev/ptmx; a guest without console",
    reference="pty(7), Linux drivers/tty/pty.c",
    costs=_COSTS,
    remedy=remedy,
    errors={"`/dev/ptmx: No space left on device`": "pseudo-terminals"},
)
