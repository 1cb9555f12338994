"""File descriptors of xenstored."""

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

_FDS_XAPI: Final = {**same(Cost(), "pv", "pvh"), "hvm": Cost(domain=3)}
"""QEMU's connections to xenstored; xl's own come on top of them, xenopsd has one for all VMs."""
_COSTS: Final[Costs] = {
    "xenserver-6.1": {"pv": Cost(), "hvm": Cost(domain=3)},
    "xenserver-6.2": {"pv": Cost(), "hvm": Cost(domain=2)},
    **dict.fromkeys(("xenserver-7.0", "xenserver-7", "xapi-8.2", "xapi-8.3"), _FDS_XAPI),
    "xl": {**same(Cost(domain=2), "pv", "pvh"), "hvm": Cost(domain=5)},
}


LIMIT: Final = Limit(
    name="xenstored_fds",
    title="file descriptors of xenstored",
    probe="daemons",
    used=fds_used("xenstored"),
    max=fds_max("xenstored"),
    thresholds=EARLY,
    source="/proc/PID/fd and limits of xenstored",
    symptom="every new client of xenstored hangs: xl, xapi, VM starts",
    reference=DENSITY,
    costs=_COSTS,
    remedy=fds_remedy("xenstored"),
    explains=("probe_failing",),
    errors={
        (
            '`caught exception Unix.Unix_error(Unix.EMFILE, "accept", "")` in '
            "xenstored.log; xl list hangs"
        ): "xenstored's file descriptors"
    },
    density=Density(
        "xenstored",
        {("windows", "xenserver-6.1"): Cell(333), ("windows", "xenserver-6.2"): Cell(500)},
    ),
)
