"""Memory of the host that a guest uses beyond its own."""

from __future__ import annotations

from xenwatch.model.platform import XL, Platform
from xenwatch.model.state import Domain


def memory_overhead(guest: Domain, platform: Platform) -> int:
    """KiB that Xen and the toolstack take for a guest beside its memory.

    libxl gives a guest that is paged 256 pages a vCPU and two a MiB (libxl_utils.c); Xen's own
    records of a guest are taken for 256 KiB. xapi counts the same pool
    in whole MiB, since XenServer 7 for PV guests too, one MiB or two beside it, and what a shim
    takes that runs a PV guest as PVH.
    """
    mib = guest.memory_kib // 1024
    pool = 1024 * guest.vcpus + 8 * mib
    paged = guest.type != "pv"
    if platform.toolstack == XL:
        return pool + 256 if paged else 256
    if not paged and platform.kernel < (3, 0):
        return 1024
    shim = 1024 * (23 + mib // 90) if guest.type == "pvh" else 0
    return -(-pool // 1024) * 1024 + shim + (2048 if paged else 1024)
