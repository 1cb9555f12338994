"""What one more VM takes of each limit, by regime and domain type.

A regime is a family of hosts whose toolstack and backends take the same for a VM. Costs stand as
`limit -> regime -> type -> Cost`; a type is `pv`, `pvh`, `hvm`, or `hvm-uefi` where a VM with UEFI
firmware takes more. A regime that is missing is not known; an empty `Cost` is known to be none.
Where a part depends on the guest's drivers, the most is declared: a plan must not promise a VM
that does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from xenwatch.limits.base import Cost, Costs
from xenwatch.parse.text import version_pair
from xenwatch.readings.snapshot import Snapshot

REGIMES: Final[Mapping[str, str]] = {
    "xenserver-6.1": "XenServer 6.1: 32-bit dom0, Xen 4.1, blktap2",
    "xenserver-6.2": "XenServer 6.2: 32-bit dom0, Xen 4.1, blktap2",
    "xenserver-7.0": "XenServer 7.0: Linux 3.10, Xen 4.6",
    "xenserver-7": "XenServer 7.1 on, XCP-ng 7: Linux 4.4, which counts every aio request twice",
    "xapi-8.2": "Citrix Hypervisor and XCP-ng 8.0 to 8.2: Linux 4.19, blktap 3.37",
    "xapi-8.3": "XCP-ng 8.3, XenServer 8: Linux 4.19, blktap 3.55 with two aio queues a disk",
    "xl": "Xen of a distribution with xl or libvirt: xen-blkback, one QEMU for each HVM domain",
}
"""The regimes by name, in words for people."""

_XAPI: Final = ("xenserver", "citrix hypervisor", "xcp-ng")
_RELEASES: Final = (
    ((6, 1), (6, 1), "xenserver-6.1"),
    ((6, 2), (6, 2), "xenserver-6.2"),
    ((7, 0), (7, 0), "xenserver-7.0"),
    ((7, 1), (7, 99), "xenserver-7"),
    ((8, 0), (8, 2), "xapi-8.2"),
    ((8, 3), (8, 99), "xapi-8.3"),
)
"""First and last release of each regime that has xapi; of the others no costs are published."""


def regime(snapshot: Snapshot) -> str | None:
    """The regime of the host, a key of `REGIMES`; `None` where it is no Xen host or not known."""
    host, daemons = snapshot.host, snapshot.daemons
    if host is None or host.xen is None:
        return None
    if host.platform in _XAPI:
        version = version_pair(host.platform_version) or (0, 0)
        return next((name for low, high, name in _RELEASES if low <= version <= high), None)
    if daemons is not None and "xapi" in daemons.by_role:
        return None
    return "xl"


def _same(cost: Cost, *types: str) -> Mapping[str, Cost]:
    return dict.fromkeys(types or ("pv", "pvh", "hvm"), cost)


_NONE: Final = _same(Cost())
_MIB: Final = 1 << 20

_CHANNELS_PV: Final = _same(Cost(domain=2, disk=1, queue=2), "pv", "pvh")
_CHANNELS_XAPI: Final = {
    **_CHANNELS_PV,
    # xenstored and QEMU's buffered requests, one a vCPU; Windows has a control ring a vif.
    "hvm": Cost(domain=2, vcpu=1, disk=1, vif=1, queue=2),
    # varstored listens as QEMU does: one a vCPU and one more.
    "hvm-uefi": Cost(domain=3, vcpu=2, disk=1, vif=1, queue=2),
}
_CHANNELS_7: Final = {**_CHANNELS_PV, "hvm": Cost(domain=2, vcpu=1, disk=1, queue=2)}
_CHANNELS_LATER: Final = {
    "xenserver-7.0": _CHANNELS_7,
    "xenserver-7": _CHANNELS_7,
    "xapi-8.2": _CHANNELS_XAPI,
    "xapi-8.3": _CHANNELS_XAPI,
    "xl": {
        **_same(Cost(domain=2, ring=1, queue=2), "pv", "pvh"),
        "hvm": Cost(domain=4, vcpu=1, ring=1, queue=2),
    },
}
_FDS_XAPI: Final = {**_same(Cost(), "pv", "pvh"), "hvm": Cost(domain=3)}
"""QEMU's connections to xenstored; xl's own come on top of them, xenopsd has one for all VMs."""
_CONSOLE_PV: Final = {**_same(Cost(domain=3), "pv", "pvh"), "hvm": Cost()}
"""xapi gives an HVM domain's console to QEMU."""

EVENT_CHANNELS: Final[Costs] = {
    "xenserver-6.1": {
        "pv": Cost(domain=2, disk=1, vif=1),
        "hvm": Cost(domain=1, vcpu=1, disk=1, vif=1),
    },
    "xenserver-6.2": {
        "pv": Cost(domain=2, disk=1, vif=1),
        "hvm": Cost(domain=1, vcpu=2, disk=1, vif=1),
    },
    **_CHANNELS_LATER,
}
IRQS: Final[Costs] = {
    "xenserver-6.1": _NONE,
    "xenserver-6.2": _NONE,
    **_CHANNELS_LATER,
}
"""Every event channel that dom0's kernel or /dev/xen/evtchn binds takes an interrupt; classic
kernels have one for every channel there can be, which is no limit of its own."""
GRANT_FRAMES: Final[Costs] = {
    **dict.fromkeys(REGIMES, _NONE),
    # dom0's own table: 22 references a Windows vif with receive-side copy, 256 references a frame.
    "xenserver-6.1": {"pv": Cost(), "hvm": Cost(vif=Fraction(22, 256))},
}
BLKTAP_MINORS: Final[Costs] = {**dict.fromkeys(REGIMES, _same(Cost(disk=1))), "xl": _NONE}
AIO_REQUESTS: Final[Costs] = {
    "xenserver-6.1": _same(Cost(disk=402)),
    "xenserver-6.2": _same(Cost(disk=402)),
    "xenserver-7.0": _same(Cost(disk=402)),
    "xenserver-7": _same(Cost(disk=2 * 402)),
    "xapi-8.2": _same(Cost(disk=402)),
    "xapi-8.3": _same(Cost(disk=804)),
    "xl": _NONE,
}
"""TAPDISK_TIOCBS of each queue of a tapdisk; xen-blkback needs none."""
XENSTORED_FDS: Final[Costs] = {
    "xenserver-6.1": {"pv": Cost(), "hvm": Cost(domain=3)},
    "xenserver-6.2": {"pv": Cost(), "hvm": Cost(domain=2)},
    **dict.fromkeys(("xenserver-7.0", "xenserver-7", "xapi-8.2", "xapi-8.3"), _FDS_XAPI),
    "xl": {**_same(Cost(domain=2), "pv", "pvh"), "hvm": Cost(domain=5)},
}
XENCONSOLED_FDS: Final[Costs] = {
    **dict.fromkeys(REGIMES, _CONSOLE_PV),
    # The fourth is the log of the console (xenconsoled --log=guest).
    "xl": _same(Cost(domain=4)),
}
PTYS: Final[Costs] = dict.fromkeys(REGIMES, _same(Cost(domain=1)))
"""One a console: xenconsoled's or QEMU's."""
_POOLED: Final = 1 + Fraction(1, 128)
"""A byte of memory with its part of the paging pool: two pages a MiB, besides one MiB a vCPU."""
_MEMORY_HVM: Final = Cost(domain=3 * _MIB, vcpu=_MIB, memory=_POOLED)
_MEMORY_CLASSIC: Final = {"pv": Cost(domain=_MIB, memory=1), "hvm": _MEMORY_HVM}
_MEMORY_XAPI: Final = {
    "pv": Cost(domain=2 * _MIB, vcpu=_MIB, memory=_POOLED),
    # The shim that a PVH guest may be.
    "pvh": Cost(domain=26 * _MIB, vcpu=_MIB, memory=_POOLED + Fraction(1, 90)),
    "hvm": _MEMORY_HVM,
}
HOST_MEMORY: Final[Costs] = {
    **dict.fromkeys(REGIMES, _MEMORY_XAPI),
    **dict.fromkeys(("xenserver-6.1", "xenserver-6.2"), _MEMORY_CLASSIC),
    "xl": {
        "pv": Cost(domain=_MIB // 4, memory=1),
        **_same(Cost(domain=_MIB // 4, vcpu=_MIB, memory=_POOLED), "pvh", "hvm"),
    },
}
"""For a VM that states its memory. Under xl: the paging pool (libxl_get_required_shadow_memory;
half the pages a MiB from Xen 4.17 on where the CPU nests its page tables) and Xen's records of a
domain, 120 KiB on a captured host. Under xapi: the overhead that xapi reserves, rounded up to a
MiB (xen-api, ocaml/xapi-idl/memory/memory.ml)."""
DOM0_MEMORY: Final[Costs] = dict.fromkeys(REGIMES, _same(Cost(dom0_memory=1)))
TASKS: Final[Costs] = dict.fromkeys(REGIMES, _same(Cost(tasks=1)))
DOM0_LOW_MEMORY: Final[Costs] = dict.fromkeys(
    ("xenserver-6.1", "xenserver-6.2"), _same(Cost(domain=_MIB))
)
_PORTS: Final = {**_same(Cost(vif=1), "pv", "pvh"), "hvm": Cost(vif=2)}
BRIDGE_PORTS: Final[Costs] = dict.fromkeys(REGIMES, _PORTS)
"""An HVM domain's network interface has an emulated twin on the same bridge, at every start anew,
until the guest's own drivers unplug it; one without such drivers keeps it."""
LOOP_DEVICES: Final[Costs] = {**dict.fromkeys(REGIMES, _NONE), "xl": _same(Cost(disk=1))}
"""For xl as if every disk were a file."""

UNCOUNTED: Final[Mapping[str, str]] = {
    "maptrack_frames": "what a VM's devices keep mapped depends on its load",
    "dom0_memory": "what a VM's QEMU, tapdisks and buffers need is nowhere published; "
    "measure it here and give the shape dom0_memory_bytes",
    "tasks": "how many threads QEMU and the kernel start for a VM depends on its load; "
    "measure it here and give the shape tasks",
}
"""Limits every VM takes of, nobody can say how much: unless the shape does, a plan names them and
does not count them."""
