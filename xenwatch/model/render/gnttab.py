"""Grant tables: GNTTABOP_query_size blocks and the head of the debug key 'g'."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from xenwatch.parse.gnttab import QuerySize

_BLOCK = struct.Struct("<HxxIIhxx")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the debug key 'g' prints of one domain's tables, without the active entries."""

    domid: int
    version: int
    frames: int
    max_frames: int
    maptrack: int
    max_maptrack: int


def render_query_size(size: QuerySize) -> bytes:
    """The block of GNTTABOP_query_size as Xen answers."""
    return _BLOCK.pack(size.domid, size.frames, size.max_frames, size.status)


def render_usage(usages: Iterable[Usage]) -> bytes:
    """The dump of debug key 'g' for domains without active entries.

    Lines of the hypervisor's console as `xl dmesg` prints them (xen/common/grant_table.c,
    gnttab_usage_print_all, of Xen 4.17).
    """
    body = "".join(map(_usage, usages))
    head = "(XEN) gnttab_usage_print_all [ key 'g' pressed\n"
    return f"{head}{body}(XEN) gnttab_usage_print_all ] done\n".encode("ascii")


def _usage(usage: Usage) -> str:
    return (
        "(XEN)       -------- active --------       -------- shared --------\n"
        "(XEN) [ref] localdom mfn      pin          localdom gmfn     flags\n"
        f"(XEN) grant-table for remote d{usage.domid} (v{usage.version})\n"
        f"(XEN)   {usage.frames} frames ({usage.max_frames} max),"
        f" {usage.maptrack} maptrack frames ({usage.max_maptrack} max)\n"
        "(XEN) no active grant table entries\n"
    )
