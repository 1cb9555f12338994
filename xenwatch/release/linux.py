"""Facts that depend on the version of dom0's Linux, whoever built it."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.rtnl import MASTERS_SINCE, OPENVSWITCH_SINCE
from xenwatch.values import dataclass

UNREAD: Final = (0, 0)
"""The version in a `Host` whose kernel release has none."""
FIFO_SINCE: Final = (3, 14)


@dataclass(frozen=True, slots=True)
class Linux:
    """Facts about a kernel; `None` where its version is unknown."""

    classic: bool | None = None
    """Needs out-of-tree patches to run as dom0 (before Linux 3.0)."""
    fifo: bool | None = None
    """Has the FIFO event-channel ABI (drivers/xen/events/events_fifo.c, Linux 3.14)."""
    aio_doubled: bool | None = None
    """Counts every aio request twice, against twice `fs.aio-max-nr` (fs/aio.c, 3.12 to 4.14)."""
    loop_control: bool | None = None
    """Creates loop devices on demand, by /dev/loop-control (Linux 3.1)."""
    sparse_irqs: bool | None = None
    """Numbers interrupts without a bitmap: MAX_SPARSE_IRQS is INT_MAX (Linux 6.5)."""
    masters: bool | None = None
    """Reports the bridge of a port (Linux 3.9)."""
    spare_pty: bool | None = None
    """Refuses the pty that would make them `kernel.pty.max`: the one that is opened is counted
    before the comparison (fs/devpts/inode.c, devpts_new_index; Linux 4.19)."""
    openvswitch_kinds: bool | None = None
    """Reports the kind of Open vSwitch's devices (Linux 3.17)."""


UNKNOWN: Final = Linux()


def linux(version: tuple[int, int] | None) -> Linux:
    """The facts of a kernel of this version."""
    if version is None or version == UNREAD:
        return UNKNOWN
    return Linux(
        classic=version < (3, 0),
        fifo=version >= FIFO_SINCE,
        aio_doubled=(3, 12) <= version < (4, 15),
        loop_control=version >= (3, 1),
        sparse_irqs=version >= (6, 5),
        masters=version >= MASTERS_SINCE,
        spare_pty=version >= (4, 19),
        openvswitch_kinds=version >= OPENVSWITCH_SINCE,
    )
