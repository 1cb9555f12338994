"""The host as Xen has it: XEN_SYSCTL_physinfo (xen/include/public/sysctl.h)."""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.parse.domaininfo import HEADER_SIZE, SYSCTL, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

PHYSINFO: Final = 3
PAGES: Final = struct.Struct("<QQQQ")
"""Total, free, scrub and outstanding pages: the last are claimed by starting domains."""
CPUS: Final = struct.Struct("<III")
"""CPUs online, the highest id of a CPU and the NUMA nodes, in every release since 4.1."""
CPUS_OFFSET: Final = 16
_CPUS_MAX: Final = 16383
"""The most NR_CPUS can be (xen/arch/Kconfig)."""
_CLAIMS: Final = 0xA
"""The sysctl version from which the record has outstanding pages (Xen 4.3)."""


@dataclass(frozen=True, slots=True)
class PhysInfo:
    """Pages of 4 KiB: all, free, free but not yet scrubbed, and claimed in advance.

    `cpus` are those online, `cpu_ids` one more than the highest id of a CPU, `nodes` those of NUMA.
    """

    total: int
    free: int
    scrub: int
    outstanding: int
    cpus: int
    cpu_ids: int
    nodes: int


def physinfo_call(layout: Layout) -> Hypercall:
    """XEN_SYSCTL_physinfo for a Xen with this record layout."""
    block = struct.pack("<II", PHYSINFO, layout.sysctl).ljust(HEADER_SIZE, b"\0")
    return Hypercall(SYSCTL, (BLOCK,), block)


def pages_offset(layout: Layout) -> int:
    """Offset of the pages: Xen 4.17 added two words before them."""
    return 8 + (40 if layout.sysctl >= 0x15 else 32)


def parse_physinfo(layout: Layout, block: bytes) -> PhysInfo:
    """The numbers Xen filled in. Raises `ParseError` for a block of another size."""
    if len(block) != HEADER_SIZE:
        raise ParseError("XEN_SYSCTL_physinfo", f"expected {HEADER_SIZE} bytes", block)
    total, free, scrub, outstanding = PAGES.unpack_from(block, pages_offset(layout))
    cpus, highest, nodes = CPUS.unpack_from(block, CPUS_OFFSET)
    claimed = outstanding if layout.sysctl >= _CLAIMS else 0
    return PhysInfo(total, free, scrub, claimed, cpus, highest + 1, nodes)


def implausible(info: PhysInfo) -> str | None:
    """Why Xen cannot have meant these numbers; `None` where nothing says so."""
    if not info.total:
        return "the host has no memory"
    if max(info.free, info.scrub) > info.total:
        return f"{info.free} pages free, {info.scrub} to scrub, of {info.total}"
    if not 0 < info.cpus <= info.cpu_ids <= _CPUS_MAX or not info.nodes:
        return f"{info.cpus} CPUs of {info.cpu_ids}, {info.nodes} NUMA nodes"
    return None
