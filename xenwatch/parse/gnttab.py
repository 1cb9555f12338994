"""Grant tables: GNTTABOP_query_size and the debug key 'g'."""

from __future__ import annotations

import re
import struct
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

GRANT_TABLE_OP: Final = 20
QUERY_SIZE: Final = 6

_BLOCK = struct.Struct("<HxxIIhxx")
"""struct gnttab_query_size (xen/include/public/grant_table.h): dom, frames, max, status."""
_REMOTE = re.compile(rb"grant-table for remote d(\d{1,5})\b")
_OLD_REMOTE: Final = b"grant-table for remote domain:"
"""A domain in a dump of Xen before 4.10 (xen/common/grant_table.c, gnttab_usage_print)."""
_FRAMES = re.compile(
    rb"(\d{1,10}) frames \((\d{1,10}) max\), (\d{1,10}) maptrack frames \((\d{1,10}) max\)"
)


OKAY: Final = 0
"""GNTST_okay (xen/include/public/grant_table.h)."""
BAD_DOMAIN: Final = -2
"""GNTST_bad_domain: there is no such domain."""
PERMISSION_DENIED: Final = -8
"""GNTST_permission_denied: Xen's security policy (XSM) forbids the question."""


@dataclass(frozen=True, slots=True)
class QuerySize:
    """Frames of one domain's grant table; `status` is one of GNTST_*, `OKAY` or negative."""

    domid: int
    frames: int
    max_frames: int
    status: int


def query_size_call(domid: int) -> Hypercall:
    """GNTTABOP_query_size about a domain."""
    return Hypercall(GRANT_TABLE_OP, (QUERY_SIZE, BLOCK, 1), _BLOCK.pack(domid, 0, 0, 0))


def parse_query_size(block: bytes) -> QuerySize:
    """The block Xen filled. Raises `ParseError` for a block of another size."""
    if len(block) != _BLOCK.size:
        raise ParseError("GNTTABOP_query_size", f"expected {_BLOCK.size} bytes", block)
    return QuerySize(*_BLOCK.unpack(block))


def is_old_dump(log: bytes) -> bool:
    """Whether the hypervisor's console has a dump of debug key 'g' by a Xen before 4.10.

    Such a dump lists active grants alone, and no frames of any domain.
    """
    return _OLD_REMOTE in log


def parse_maptrack(log: bytes, domid: int = 0) -> tuple[int, int] | None:
    """(frames, max frames) of a domain's maptrack in the last dump of debug key 'g'.

    `log` is the hypervisor's console (`xl dmesg`); `None` when no dump of the domain is in it
    (xen/common/grant_table.c, gnttab_usage_print).
    """
    found: tuple[int, int] | None = None
    current: int | None = None
    for line in log.splitlines():
        remote = _REMOTE.search(line)
        if remote:
            current = int(remote[1])
        frames = _FRAMES.search(line)
        if frames and current == domid:
            found = int(frames[3]), int(frames[4])
    return found
