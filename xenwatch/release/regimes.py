"""Regimes: families of releases whose toolstack and backends have the same cost per VM.

For a regime missing from a table of costs the cost is unknown; an empty `Cost` is a known cost of
none. Where a cost depends on the guest's drivers the highest is declared: a plan must not promise
a VM that does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REGIMES: Final[Mapping[str, str]] = {
    "xenserver-6.1": "XenServer 6.1: 32-bit dom0, Xen 4.1, blktap2",
    "xenserver-6.2": "XenServer 6.2: 32-bit dom0, Xen 4.1, blktap2",
    "xenserver-7.0": "XenServer 7.0: Linux 3.10, Xen 4.6",
    "xenserver-7": "XenServer 7.1 to 7.6, XCP-ng 7: Linux 4.4, which counts each aio request twice",
    "xapi-8.2": "Citrix Hypervisor and XCP-ng 8.0 to 8.2: Linux 4.19, blktap 3.37",
    "xapi-8.3": "XCP-ng 8.3, XenServer 8: Linux 4.19, blktap 3.55 with two aio queues per disk",
    "xl": "Xen from a distribution, with xl or libvirt: xen-blkback, one QEMU per HVM domain",
}
"""Descriptions of the regimes by name."""
