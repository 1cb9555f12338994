"""Memory that guests are populated with on demand: XENMEM_get_pod_target.

xen/include/public/memory.h, struct xen_pod_target; xen/arch/x86/mm.c, arch_memory_op. Xen answers
for guests with hardware containers (HVM and PVH) to a privileged domain; for PV guests it answers
EINVAL from 4.17 on and zeros before. Xen on Arm, or built without HVM, has no such call: ENOSYS.
"""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

MEMORY_OP: Final = 12
GET_POD_TARGET: Final = 17

POD_TARGET: Final = struct.Struct("<QQQQHxxxxxx")
"""Target (unused here), total, cache, entries, domid. The record of a 32-bit dom0 lacks padding."""


@dataclass(frozen=True, slots=True)
class PodTarget:
    """A guest's pages of 4 KiB.

    `pages` are those it has, `cache` the part of them that is not in its address space yet, and
    `entries` its places without a page, each of which takes one of the cache when first touched.
    """

    domid: int
    pages: int
    cache: int
    entries: int

    @property
    def owed(self) -> int:
        """Pages the guest may touch and Xen does not have for it; without them it is killed.

        A balloon driver gives the places back, so that none is owed
        (xen/arch/x86/mm/p2m-pod.c: p2m_pod_set_mem_target, p2m_pod_demand_populate).
        """
        return max(0, self.entries - self.cache)


def pod_target_call(domid: int) -> Hypercall:
    """XENMEM_get_pod_target about a domain."""
    return Hypercall(MEMORY_OP, (GET_POD_TARGET, BLOCK), POD_TARGET.pack(0, 0, 0, 0, domid))


def parse_pod_target(block: bytes) -> PodTarget:
    """The block Xen filled. Raises `ParseError` for a block of another size."""
    if len(block) != POD_TARGET.size:
        raise ParseError("XENMEM_get_pod_target", f"expected {POD_TARGET.size} bytes", block)
    _, pages, cache, entries, domid = POD_TARGET.unpack(block)
    return PodTarget(domid, pages, cache, entries)
