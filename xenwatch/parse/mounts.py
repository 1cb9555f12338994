"""`/proc/mounts` (fs/proc_namespace.c), whose names are escaped in octal as seq_path does."""

from __future__ import annotations

import re

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system. Names are bytes: a mount point may have any name."""

    device: bytes
    mount_point: bytes
    fstype: bytes
    options: bytes


def parse_mounts(data: bytes) -> tuple[Mount, ...]:
    """The mounts in mount order. Raises `ParseError`."""
    if data and not data.endswith(b"\n"):
        raise ParseError("/proc/mounts", "truncated last line", data[-60:])
    mounts = []
    for line in data.split(b"\n")[:-1]:
        fields = line.split(b" ")
        if len(fields) != 6:
            raise ParseError("/proc/mounts", "expected six fields", line)
        mounts.append(Mount(*(unescaped(field) for field in fields[:4])))
    return tuple(mounts)


def unescaped(field: bytes) -> bytes:
    """A name without its escapes."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field)
