"""Grant tables: GNTTABOP_query_size blocks and the head of the debug key 'g'."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from xenwatch.parse.gnttab import QuerySize
from xenwatch.values import dataclass

_BLOCK = struct.Struct("<HxxIIhxx")
_HEAD: Final = (
    "(XEN)       -------- active --------       -------- shared --------\n"
    "(XEN) [ref] localdom mfn      pin          localdom gmfn     flags\n"
)


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


def render_usage(usages: Iterable[Usage], frames: bool = True) -> bytes:
    """The dump of debug key 'g' for domains without active entries.

    Lines of the hypervisor's console as `xl dmesg` prints them (xen/common/grant_table.c,
    gnttab_usage_print_all, of Xen 4.17); without `frames`, as Xen before 4.10 does.
    """
    body = "".join(map(_usage if frames else _usage_without_frames, usages))
    head = "(XEN) gnttab_usage_print_all [ key 'g' pressed\n"
    return f"{head}{body}(XEN) gnttab_usage_print_all ] done\n".encode("ascii")


def _usage_without_frames(usage: Usage) -> str:
    return (
        f"{_HEAD}(XEN) grant-table for remote domain:{usage.domid:>5} ..."
        " no active grant table entries\n"
    )


def _usage(usage: Usage) -> str:
    return (
        f"{_HEAD}(XEN) grant-table for remote d{usage.domid} (v{usage.version})\n"
        f"(XEN)   {usage.frames} frames ({usage.max_frames} max),"
        f" {usage.maptrack} maptrack frames ({usage.max_maptrack} max)\n"
        "(XEN) no active grant table entries\n"
    )
