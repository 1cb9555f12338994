"""A raw RTM_GETLINK dump (rtnetlink(7)): bytes for `xenwatch.parse.rtnl` to walk."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

from xenwatch.sources.base import SourceError
from xenwatch.sources.wire import (
    ATTRIBUTE,
    IFINFO,
    NETLINK_HEADER,
    NLMSG_DONE,
    NLMSG_ERROR,
    aligned,
)

_RTM_GETLINK: Final = 18
_REQUEST_DUMP: Final = 0x301
"""NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH."""
_IFLA_EXT_MASK: Final = 29
_SKIP_STATS: Final = 1 << 3
"""RTEXT_FILTER_SKIP_STATS: counters are most of a link's bytes; older kernels ignore the bit."""
_DUMP_INTR: Final = 0x10
"""NLM_F_DUMP_INTR: links changed during the dump, and some may be missing."""
_TRIES: Final = 3
_DUMP_MAX: Final = 64 << 20
_DATAGRAM: Final = 1 << 18


def dump_links(deadline: float = 5.0) -> bytes:
    """All messages of the dump, NLMSG_DONE included. Raises `SourceError`.

    A dump that the kernel marks as interrupted is retried.
    """
    attribute = ATTRIBUTE.pack(8, _IFLA_EXT_MASK) + struct.pack("=I", _SKIP_STATS)
    body = IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attribute
    request = (
        NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), _RTM_GETLINK, _REQUEST_DUMP, 1, 0)
        + body
    )
    for _ in range(_TRIES):
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
                link.settimeout(deadline)
                link.bind((0, 0))
                link.send(request)
                dump = _collect(link)
        except OSError as error:
            raise SourceError.from_os("RTM_GETLINK dump", error) from error
        if not any(flags & _DUMP_INTR for _, flags in _headers(dump)):
            return dump
    raise SourceError("RTM_GETLINK dump", f"interrupted by link changes; {_TRIES} attempts failed")


def _collect(link: socket.socket) -> bytes:
    parts = bytearray()
    while len(parts) < _DUMP_MAX:
        datagram = link.recv(_DATAGRAM)
        parts += datagram
        if any(kind in (NLMSG_DONE, NLMSG_ERROR) for kind, _ in _headers(datagram)):
            return bytes(parts)
    raise SourceError("RTM_GETLINK dump", f"longer than {_DUMP_MAX} bytes")


def _headers(data: bytes) -> Iterator[tuple[int, int]]:
    """Type and flags of each message."""
    offset = 0
    while offset + NETLINK_HEADER.size <= len(data):
        length, kind, flags = NETLINK_HEADER.unpack_from(data, offset)[:3]
        yield kind, flags
        offset += max(NETLINK_HEADER.size, aligned(length))
