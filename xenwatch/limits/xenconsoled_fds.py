"""File descriptors of xenconsoled."""

from __future__ import annotations

from typing import Final

from xenwatch.limits.base import (
    DENSITY,
    EARLY,
    Cell,
    Cost,
    Costs,
    Density,
    Limit,
    same,
)
from xenwatch.limits.file_descriptors import fds_max, fds_remedy, fds_used
from xenwatch.release.regimes import REGIMES

_CONSOLE_PV: Final = {**same(Cost(domain=3), "pv", "pvh"), "hvm": Cost()}
"""xapi gives an HVM domain's console to QEMU."""
_COSTS: Final[Costs] = {
    **dict.fromkeys(REGIMES, _CONSOLE_PV),
    # The fourth is the log of the console (xenconsoled --log=guest).
    "xl": same(Cost(domain=4)),
}


LIMIT: Final = Limit(
    name="xenconsoled_fds",
    title="file descriptors of xenconsoled",
    probe="daemons",
    used=fds_used("xenconsoled"),
    max=fds_max("xenconsoled"),
    thresholds=EARLY,
    source="/proc/PID/fd and limits of xenconsoled",
    symptom="Unable to increase fd limit; a guest without console",
    reference=DENSITY,
    caveat="If consoles are logged, each guest uses one more; this is counted for xl only.",
    costs=_COSTS,
    remedy=fds_remedy("xenconsoled"),
    errors={("`Unable to increase fd limit`"): "xenconsoled's file descriptors"},
    density=Density("xenconsoled", {("linux", "xenserver-6.1"): Cell(341)}),
)
