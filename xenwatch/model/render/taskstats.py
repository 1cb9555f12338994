"""Answers of taskstats about processes (kernel/taskstats.c)."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from typing import Final

from xenwatch.parse.taskstats import OLDEST, TYPE_AGGR_TGID, TYPE_STATS, TYPE_TGID, Counters
from xenwatch.sources.wire import (
    ATTRIBUTE,
    GENERIC_HEADER,
    NETLINK_HEADER,
    NLMSG_ERROR,
    TASKSTATS_NEW,
)

FAMILY: Final = 28
"""The first number that the kernel gives out is 16; any above will do."""
_STRUCT: Final = struct.Struct("=H14xQQ40xQ64xQ120xQ48x")
"""struct taskstats of version 8: 328 bytes."""
_TGID: Final = struct.Struct("=I")


def render_taskstats(found: Iterable[tuple[int, Counters | None]]) -> bytes:
    """One message for each process id; those without counters do not exist."""
    return b"".join(
        _missing(pid) if counters is None else _answer(pid, counters) for pid, counters in found
    )


def _answer(pid: int, counters: Counters) -> bytes:
    inner = _attribute(TYPE_TGID, _TGID.pack(pid))
    inner += _attribute(TYPE_STATS, _STRUCT.pack(OLDEST, *counters))
    body = GENERIC_HEADER.pack(TASKSTATS_NEW, 1) + _attribute(TYPE_AGGR_TGID, inner)
    return NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), FAMILY, 0, pid, 0) + body


def _missing(pid: int) -> bytes:
    """NLMSG_ERROR with ESRCH and the header of the question."""
    body = struct.pack("=i", -errno.ESRCH) + NETLINK_HEADER.pack(28, FAMILY, 1, pid, 0)
    return NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), NLMSG_ERROR, 0, pid, 0) + body


def _attribute(kind: int, content: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(content), kind) + content
