"""Regimes: families of hosts whose toolstack and backends take the same for a VM.

Of a regime that is missing in a table of costs, the costs are not known; an empty `Cost` is known
to be none. Where a part depends on the guest's drivers, the most is declared: a plan must not
promise a VM that does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
