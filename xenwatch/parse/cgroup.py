"""Files of control groups, version 1 and 2 (Documentation/admin-guide/cgroup-v2.rst of Linux)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

_ROW = re.compile(rb"([A-Za-z0-9_.]{1,64}) (\d{1,20})\Z")
_PRESSURE = re.compile(
    rb"(some|full) avg10=(\d{1,3})\.(\d\d) avg60=(\d{1,3})\.(\d\d) avg300=(\d{1,3})\.(\d\d)"
    rb" total=(\d{1,20})\Z"
)
_MEMBERSHIP = re.compile(rb"(\d{1,10}):([^:]*):(/.*)\Z", re.DOTALL)
_PID = re.compile(rb"\d{1,10}\Z")


@dataclass(frozen=True, slots=True)
class Pressure:
    """One line of a pressure file: `some` or `full`, averages in hundredths of a percent.

    The averages are over 10, 60 and 300 seconds; `total_us` is the time stalled in microseconds.
    """

    kind: str
    averages: tuple[int, int, int]
    total_us: int


@dataclass(frozen=True, slots=True)
class Membership:
    """One line of `/proc/PID/cgroup`: in version 2 the hierarchy is 0 and has no controllers."""

    hierarchy: int
    controllers: tuple[str, ...]
    path: str


def parse_flat(subject: str, data: bytes) -> Mapping[str, int]:
    """Lines of a name and a number, such as `cpu.stat`. Raises `ParseError`."""
    found = {}
    for line in data.splitlines():
        match = _ROW.match(line)
        if not match:
            raise ParseError(subject, "expected 'name number'", line)
        found[match[1].decode("ascii")] = int(match[2])
    return found


def parse_pressure(subject: str, data: bytes) -> tuple[Pressure, ...]:
    """The lines of a `*.pressure` file. Raises `ParseError`."""
    found = []
    for line in data.splitlines():
        match = _PRESSURE.match(line)
        if not match:
            raise ParseError(subject, "expected 'some' or 'full' and averages", line)
        whole = [int(match[place]) for place in range(2, 9)]
        averages = (
            whole[0] * 100 + whole[1], whole[2] * 100 + whole[3], whole[4] * 100 + whole[5]
        )  # fmt: skip
        found.append(Pressure(match[1].decode("ascii"), averages, whole[6]))
    return tuple(found)


def parse_procs(subject: str, data: bytes) -> tuple[int, ...]:
    """Process IDs, one per line, in the file's order. Raises `ParseError`."""
    lines = data.splitlines()
    for line in lines:
        if not _PID.match(line):
            raise ParseError(subject, "expected one process ID per line", line)
    return tuple(map(int, lines))


def parse_membership(data: bytes) -> tuple[Membership, ...]:
    """The lines of `/proc/PID/cgroup`; undecodable bytes of a path as surrogates.

    Raises `ParseError`. Linux escapes newlines in paths.
    """
    found = []
    for line in data.split(b"\n")[:-1]:
        match = _MEMBERSHIP.match(line)
        if not match:
            raise ParseError("/proc/PID/cgroup", "expected 'number:controllers:path'", line)
        controllers = match[2].decode("utf-8", "surrogateescape")
        names = tuple(controllers.split(",")) if controllers else ()
        path = match[3].decode("utf-8", "surrogateescape")
        found.append(Membership(int(match[1]), names, path))
    return tuple(found)


def group_of(memberships: tuple[Membership, ...], controller: str) -> str | None:
    """The path of a controller's group, `None` where there is none.

    Version 1 binds a controller to one hierarchy; an unbound one belongs to version 2's.
    """
    for membership in memberships:
        if controller in membership.controllers:
            return membership.path
    return next((unified.path for unified in memberships if unified.hierarchy == 0), None)
