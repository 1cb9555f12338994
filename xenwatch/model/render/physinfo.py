"""Answers of XEN_SYSCTL_physinfo in the layout of any release."""

from __future__ import annotations

from xenwatch.parse.domaininfo import Layout
from xenwatch.parse.physinfo import CPUS, CPUS_OFFSET, PAGES, PhysInfo, pages_offset


def render_physinfo(layout: Layout, call: bytes, info: PhysInfo) -> bytes:
    """The block of a `physinfo_call` as Xen leaves it; what `PhysInfo` does not hold is zero."""
    block = bytearray(call)
    pages = (info.total, info.free, info.scrub, info.outstanding)
    PAGES.pack_into(block, pages_offset(layout), *pages)
    CPUS.pack_into(block, CPUS_OFFSET, info.cpus, info.cpu_ids - 1, info.nodes)
    return bytes(block)
