"""Text of Xen's console ring, and answers of XEN_SYSCTL_readconsole with it."""

from __future__ import annotations

from xenwatch.parse.xen_console import REQUEST, ConsoleText


def render_line(text: str) -> bytes:
    """A line that Xen prints."""
    return b"(XEN) %s\n" % text.encode("utf-8", "surrogateescape")


def asked_index(block: bytes) -> int:
    """The index that a `readconsole_call` asks for, 0 where it does not ask for one."""
    _, _, _, incremental, index, _ = REQUEST.unpack_from(block)
    return index if incremental else 0


def asked_count(block: bytes) -> int:
    """How many bytes a `readconsole_call` has room for."""
    count: int = REQUEST.unpack_from(block)[-1]
    return count


def render_readconsole(call: bytes, found: ConsoleText) -> bytes:
    """The block of a `readconsole_call` as Xen leaves it, the text behind the request."""
    command, version, clear, incremental, _, _ = REQUEST.unpack_from(call)
    request = REQUEST.pack(command, version, clear, incremental, found.index, len(found.text))
    block = bytearray(request + call[len(request) :])
    begin = len(call) - asked_count(call)
    block[begin : begin + len(found.text)] = found.text
    return bytes(block)
