"""The maxima the model enforces, derived from the facts of a platform.

They are independent of the maxima in `xenwatch.limits`; tests compare the two.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from xenwatch.model.platform import Daemon, Platform
from xenwatch.parse.rtnl import BRIDGE_KIND, MASTERS_SINCE
from xenwatch.values import dataclass

FD_SETSIZE: Final = 1024
"""select(2) cannot wait for descriptors from this number on."""
_BRIDGE_PORTS: Final = 1023
"""BR_MAX_PORTS less port 0 (net/bridge/br_if.c)."""
_DATAPATH_PORTS: Final = 65535
"""DP_MAX_PORTS (net/openvswitch/datapath.h)."""
_OLD_DATAPATH_PORTS: Final = 1023
"""DP_MAX_PORTS less port 0 (datapath/datapath.h of Open vSwitch 1.4)."""
_SPARSE_IRQS: Final = ((2, 6), (6, 5))
"""Between the classic kernels and Linux 6.5 interrupts have a bitmap of NR_IRQS and this many more
(kernel/irq/internals.h)."""
_IRQ_BITMAP_EXTRA: Final = 8196
_PTY_COUNTED_FIRST: Final = (4, 19)
"""The first Linux that counts the pty it opens before it compares with `kernel.pty.max`."""
_LOOP_CONTROL: Final = (3, 1)
_PAGE_KIB: Final = 4
_MINORS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Maxima of the resources; `None` is unlimited.

    `channels` and `irqs` are dom0's event channels and interrupt descriptors, `frames` those of
    a guest's grant table and `own_frames` those of dom0's, `minors` blktap's minors or ids, `aio`
    requests as the kernel counts them, `xenstored`, `xenconsoled` and `xenopsd` the daemons'
    descriptors, `memory` and `low_memory` the memory dom0 has for guests in KiB, `bridge_ports` the
    ports of a bridge, `host_memory` what Xen has for guests in KiB.
    """

    channels: int | None = None
    irqs: int | None = None
    frames: int | None = None
    own_frames: int | None = None
    minors: int | None = None
    aio: int | None = None
    xenstored: int | None = None
    xenconsoled: int | None = None
    xenopsd: int | None = None
    ptys: int | None = None
    memory: int | None = None
    low_memory: int | None = None
    tasks: int | None = None
    bridge_ports: int | None = None
    loops: int | None = None
    host_memory: int | None = None


NAMES: Final = tuple(field.name for field in dataclasses.fields(Bounds))
"""The names of the bounded resources."""


def platform_bounds(platform: Platform) -> Bounds:
    """The bounds of a platform."""
    settings = platform.settings
    daemons = {daemon.comm: _descriptors(daemon) for daemon in platform.daemons}
    pids = (settings["/proc/sys/kernel/threads-max"], settings["/proc/sys/kernel/pid_max"])
    meminfo = platform.meminfo
    return Bounds(
        channels=platform.channels - 1,
        irqs=_irqs(platform),
        frames=platform.max_grant_frames,
        own_frames=platform.max_grant_frames,
        minors=platform.minors if platform.blktap else None,
        aio=int(settings["/proc/sys/fs/aio-max-nr"]) * (2 if aio_doubled(platform) else 1),
        xenstored=daemons.get("oxenstored") or daemons.get("xenstored"),
        xenconsoled=daemons["xenconsoled"],
        xenopsd=daemons.get("xenopsd-xc"),
        ptys=_ptys(platform),
        memory=meminfo.get("MemAvailable", meminfo["MemFree"] + meminfo["Cached"]),
        low_memory=_low_memory(platform),
        tasks=min(map(int, pids)),
        bridge_ports=_bridge_ports(platform),
        loops=_loops(platform),
        host_memory=platform.host_kib - platform.memory_kib,
    )


def only(name: str, bounds: Bounds) -> Bounds:
    """One bound alone; the others unlimited."""
    return Bounds(**{name: getattr(bounds, name)})


def without(bounds: Bounds, *names: str) -> Bounds:
    """All bounds but these."""
    return dataclasses.replace(bounds, **dict.fromkeys(names))


def exhausted(name: str) -> Bounds:
    """A bound of 0; the others unlimited."""
    return Bounds(**{name: 0})


def aio_doubled(platform: Platform) -> bool:
    """Whether the kernel counts every aio request twice: Linux 3.12 to 4.14 (fs/aio.c)."""
    return (3, 12) <= platform.kernel < (4, 15)


def aio_counted(platform: Platform, requests: int) -> int:
    """What a context of so many requests adds to `aio-nr` (fs/aio.c, ioctx_alloc)."""
    if aio_doubled(platform):
        return 2 * max(requests, 4 * platform.vcpus)
    return requests


def _low_memory(platform: Platform) -> int | None:
    """Free low memory in KiB less what the kernel keeps of it from its own ordinary allocations.

    Those are the high watermarks, and the pages of DMA that are kept for DMA (mm/page_alloc.c).
    """
    free = platform.meminfo.get("LowFree")
    if free is None:
        return None
    dma, normal, _ = platform.zones
    return free - _PAGE_KIB * (dma.high + dma.protection[1] + normal.high)


def _descriptors(daemon: Daemon) -> int:
    soft = daemon.nofile[0]
    return min(soft, FD_SETSIZE) if daemon.selects else soft


def _irqs(platform: Platform) -> int | None:
    """Unlimited on classic kernels, which have a descriptor for every possible event channel."""
    classic, unbound = _SPARSE_IRQS
    if not classic < platform.kernel < unbound or platform.boot.nr_irqs is None:
        return None
    return platform.boot.nr_irqs + _IRQ_BITMAP_EXTRA


def _bridge_ports(platform: Platform) -> int:
    if platform.bridge_kind == BRIDGE_KIND:
        return _BRIDGE_PORTS
    return _DATAPATH_PORTS if platform.kernel >= MASTERS_SINCE else _OLD_DATAPATH_PORTS


def _ptys(platform: Platform) -> int:
    most = int(platform.settings["/proc/sys/kernel/pty/max"])
    return most - 1 if platform.kernel >= _PTY_COUNTED_FIRST else most


def _loops(platform: Platform) -> int | None:
    """Unlimited before loop-control: only the module knows its `max_loop` then."""
    return None if platform.kernel < _LOOP_CONTROL else _MINORS
