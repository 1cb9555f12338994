"""The console ring of Xen: XEN_SYSCTL_readconsole (xen/include/public/sysctl.h).

The structure is the same in every release from 4.1 to 4.22 and on every architecture; only the
version of the sysctl interface differs. The ring holds what Xen prints, behind the prefix `(XEN)`;
what guests print on their debug consoles, each line behind `(dN)`; and, with `console_to_ring`,
what dom0 prints (xen/drivers/char/console.c).
"""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.parse.domaininfo import HEADER_SIZE, SYSCTL, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

READCONSOLE: Final = 1
TEXT_MAX: Final = 32 << 10
"""Bytes of text that one call asks for: with the header they fit the argument buffer."""
REQUEST: Final = struct.Struct("<IIBB2xI8xI")
"""cmd, interface_version, clear, incremental, index, buffer (a pointer), count."""
_BUFFER_OFFSET: Final = 16
_PREFIX: Final = b"(XEN)"


@dataclass(frozen=True, slots=True)
class ConsoleText:
    """Text of the ring, and the index behind its last byte: bytes printed since boot, mod 2^32."""

    text: bytes
    index: int


def readconsole_call(layout: Layout, index: int) -> Hypercall:
    """XEN_SYSCTL_readconsole from an index on, or from the oldest byte where that is gone.

    Nothing is cleared. Index 0 is the oldest byte.
    """
    request = REQUEST.pack(READCONSOLE, layout.sysctl, 0, 1, index, TEXT_MAX)
    block = request.ljust(HEADER_SIZE + TEXT_MAX, b"\0")
    return Hypercall(SYSCTL, (BLOCK,), block, ((_BUFFER_OFFSET, HEADER_SIZE),))


def parse_readconsole(block: bytes) -> ConsoleText:
    """The text Xen filled in. Raises `ParseError` for a block of another form."""
    if len(block) != HEADER_SIZE + TEXT_MAX:
        raise ParseError(
            "XEN_SYSCTL_readconsole", f"expected {HEADER_SIZE + TEXT_MAX} bytes", block
        )
    *_, index, count = REQUEST.unpack_from(block)
    if count > TEXT_MAX:
        reason = f"expected at most {TEXT_MAX} bytes of text, found {count}"
        raise ParseError("XEN_SYSCTL_readconsole", reason)
    return ConsoleText(block[HEADER_SIZE : HEADER_SIZE + count], index)


def own_lines(text: bytes) -> tuple[str, ...]:
    """The lines that Xen itself printed: no guest can begin a line with its prefix."""
    return tuple(
        line.decode("utf-8", "backslashreplace").rstrip("\r")
        for line in text.split(b"\n")
        if line.startswith(_PREFIX)
    )
