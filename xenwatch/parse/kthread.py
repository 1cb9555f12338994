"""Names of the kernel's threads that serve guests' devices."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.values import dataclass

NETBACK: Final = "netback"
BLKBACK: Final = "blkback"
_NETBACK = re.compile(rb"vif(\d{1,5})\.\d{1,5}(?:-|\Z)")
"""`vifD.H-qN-guest-rx` and `-dealloc` (drivers/net/xen-netback/interface.c); Linux before 5.16
cuts names after 15 bytes, and netback before 3.16 had no queues."""
_BLKBACK = re.compile(rb"(?:blkback\.)?(\d{1,5})\.[a-z]")
"""`D.xvda-0`, before Linux 4.12 `blkback.D.xvda-0` (drivers/block/xen-blkback/xenbus.c)."""


@dataclass(frozen=True, slots=True)
class DatapathThread:
    """A thread's guest (domid) and driver: netback or blkback."""

    domid: int
    kind: str


def parse_thread(comm: bytes) -> DatapathThread | None:
    """The guest and driver from the name of a kernel thread, `None` where it serves no guest."""
    for pattern, kind in ((_NETBACK, NETBACK), (_BLKBACK, BLKBACK)):
        match = pattern.match(comm)
        if match:
            return DatapathThread(int(match[1]), kind)
    return None
