"""Answers of XEN_SYSCTL_getdomaininfolist in the layout of any release and architecture."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from xenwatch.parse.domaininfo import HEADER_SIZE, DomainInfo, Layout

_COUNT = struct.Struct("<I")
_COUNT_OFFSET = 24


def render_list(layout: Layout, call: bytes, infos: Sequence[DomainInfo]) -> bytes:
    """The block of a `list_call` as Xen leaves it with these records.

    What a `DomainInfo` does not hold (shared pages, cpupool and the like) is zero.
    """
    records = b"".join(_record(layout, info) for info in infos)
    header = bytearray(call[:HEADER_SIZE])
    _COUNT.pack_into(header, _COUNT_OFFSET, len(infos))
    return bytes(header) + records + call[HEADER_SIZE + len(records) :]


def _record(layout: Layout, info: DomainInfo) -> bytes:
    between = (0,) * (2 + layout.outstanding + layout.paged)
    head = struct.pack(
        layout.fields,
        info.domid,
        info.flags,
        info.tot_pages,
        info.max_pages,
        *between,
        info.cpu_time,
        info.online_vcpus,
        info.max_vcpu_id,
        0,
        info.handle,
        0,
    ).ljust(layout.arch_offset, b"\0")
    arch = _COUNT.pack(info.emulation or 0) if layout.emulation else b""
    return (head + arch).ljust(layout.size, b"\0")
