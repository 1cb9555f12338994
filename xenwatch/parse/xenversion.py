"""The xen_version hypercall (xen/include/public/version.h)."""

from __future__ import annotations

from typing import Final

from xenwatch.sources.base import BLOCK, Hypercall

XEN_VERSION: Final = 17
VERSION: Final = 0
COMMANDLINE: Final = 9
_COMMANDLINE_LENGTH: Final = 1024


def version_call() -> Hypercall:
    """XENVER_version: the result is major << 16 | minor."""
    return Hypercall(XEN_VERSION, (VERSION,))


def commandline_call() -> Hypercall:
    """XENVER_commandline: Xen's own boot command line."""
    return Hypercall(XEN_VERSION, (COMMANDLINE, BLOCK), bytes(_COMMANDLINE_LENGTH))


def parse_version(result: int) -> tuple[int, int]:
    """(major, minor) from the result of `version_call`."""
    return result >> 16, result & 0xFFFF


def parse_text(block: bytes) -> str:
    """The NUL-ended text Xen wrote into a block."""
    return block.partition(b"\0")[0].decode("utf-8", "backslashreplace")
