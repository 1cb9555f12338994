"""Requests to xenstored and its replies (xen/include/public/io/xs_wire.h)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import XenstoreReply
from xenwatch.sources.wire import XS_ERROR, XS_READ

DIRECTORY: Final = 1
READ: Final = XS_READ
DIRECTORY_PART: Final = 22
ERROR: Final = XS_ERROR
PAYLOAD_MAX: Final = 4096
"""XENSTORE_PAYLOAD_MAX: no payload in either direction is longer."""

_ERROR_TEXT = re.compile(rb"(\d{1,9}) ")


def path_payload(path: str) -> bytes:
    """The payload of a request about a path. Raises `ParseError` when it is too long."""
    payload = path.encode("utf-8", "surrogateescape") + b"\0"
    if len(payload) > PAYLOAD_MAX:
        raise ParseError(f"xenstore {path[:40]}...", f"path exceeds {PAYLOAD_MAX} bytes")
    return payload


def refusal(reply: XenstoreReply) -> str | None:
    """The errno name of an error reply (`ENOENT`), `None` for a successful one."""
    if reply.type != ERROR:
        return None
    return reply.payload.rstrip(b"\0").decode("ascii", "backslashreplace")


def parse_directory(payload: bytes) -> tuple[str, ...]:
    """Names in a directory, in xenstored's order: each ends with NUL. Raises `ParseError`."""
    if payload and not payload.endswith(b"\0"):
        raise ParseError("xenstore directory", "truncated last name", payload[-60:])
    names = payload.split(b"\0")[:-1]
    return tuple(name.decode("utf-8", "surrogateescape") for name in names)


def parse_device_error(value: bytes) -> tuple[int, str]:
    """(errno, text) of an error node such as `28 mapping shared-frames 521/522 port tx 9 rx 10`.

    The number is 0 when the text has none (drivers/xen/xenbus/xenbus_client.c, xenbus_va_dev_error
    writes it negated, so positive).
    """
    text = value.rstrip(b"\0").decode("utf-8", "backslashreplace")
    match = _ERROR_TEXT.match(value)
    return (int(match[1]) if match else 0), text
