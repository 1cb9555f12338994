"""Payloads of xenstored's answers (xen/include/public/io/xs_wire.h)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.xenstore import DIRECTORY, ERROR, READ
from xenwatch.sources.base import XenstoreReply
from xenwatch.sources.wire import XENSTORE_HEADER, XS_WATCH_EVENT


def directory_reply(names: Iterable[str]) -> XenstoreReply:
    """The answer to XS_DIRECTORY: each name is ended by NUL."""
    payload = b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names)
    return XenstoreReply(DIRECTORY, payload)


def read_reply(value: bytes) -> XenstoreReply:
    """The answer to XS_READ: the value as it was written, without a NUL of xenstored's own."""
    return XenstoreReply(READ, value)


def refusal_reply(errno_name: str) -> XenstoreReply:
    """A refusal such as `ENOENT`."""
    return XenstoreReply(ERROR, errno_name.encode("ascii") + b"\0")


def render_watch_event(path: str) -> bytes:
    """The message, header included, about an event of the watch with this path."""
    payload = f"{path}\0xenwatch\0".encode()
    return XENSTORE_HEADER.pack(XS_WATCH_EVENT, 0, 0, len(payload)) + payload
