"""`/proc/PID/mountstats`: the requests to the server of each NFS mount.

Linux, fs/proc_namespace.c, show_vfsstat; fs/nfs/super.c, nfs_show_stats; net/sunrpc/stats.c,
_print_rpc_iostats. Names of mount points are escaped as in `/proc/mounts`.
"""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.parse.mounts import unescaped
from xenwatch.values import dataclass

SUBJECT: Final = "mountstats"
OPERATIONS: Final = b"\tper-op statistics"
_MOUNT = re.compile(rb"(?:device .*|no device) mounted on ([^ ]+) with fstype [^ ]+")
_OPERATION = re.compile(rb"\t *\w+: (\d{1,20}) (\d{1,20}) (\d{1,20})(?: \d{1,20}){5,6}\Z")


@dataclass(frozen=True, slots=True)
class NfsMount:
    """An NFS mount and its requests since it was mounted, as they were completed.

    `transmissions` are how often the `requests` were sent, `timeouts` how often the server had not
    answered one for as long as the mount waits (a major timeout).
    """

    mount_point: bytes
    requests: int
    transmissions: int
    timeouts: int


def parse_mountstats(data: bytes) -> tuple[NfsMount, ...]:
    """The mounts that count requests, in mount order. Raises `ParseError`."""
    if data and not data.endswith(b"\n"):
        raise ParseError(SUBJECT, "truncated last line", data[-60:])
    found = []
    place = b""
    numbers: list[tuple[int, int, int]] | None = None
    for line in [*data.split(b"\n")[:-1], b""]:
        if numbers is not None and line.startswith(b"\t"):
            numbers.append(_operation(line))
            continue
        if numbers is not None:
            totals = [sum(column) for column in zip(*numbers, strict=True)] or [0, 0, 0]
            found.append(NfsMount(unescaped(place), *totals))
            numbers = None
        if line == OPERATIONS:
            numbers = []
        elif line and not line.startswith(b"\t"):
            place = _mount(line)
    return tuple(found)


def _mount(line: bytes) -> bytes:
    match = _MOUNT.match(line)
    if not match:
        raise ParseError(SUBJECT, "expected a mount", line)
    return match[1]


def _operation(line: bytes) -> tuple[int, int, int]:
    match = _OPERATION.match(line)
    if not match:
        raise ParseError(SUBJECT, "expected an operation and its numbers", line)
    requests, transmissions, timeouts = (int(match[place]) for place in (1, 2, 3))
    return requests, transmissions, timeouts
