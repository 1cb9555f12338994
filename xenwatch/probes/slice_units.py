"""The weight that systemd is to give a slice, by its unit and drop-ins (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.parse.text import assignments
from xenwatch.probes.xen import list_optional, read_optional
from xenwatch.sources.base import Source, read_ahead

LOCAL: Final = "/etc/systemd/system"
UNITS: Final = (
    *("/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient"),
    *(LOCAL, "/run/systemd/system", "/usr/local/lib/systemd/system"),
    *("/usr/lib/systemd/system", "/lib/systemd/system"),
)
"""Where units and their drop-ins are, by falling precedence (systemd.unit(5))."""
CONTROL: Final = "control.slice"
CONTROL_SHARES: Final = 10240
"""Ten times the default: that of XenServer's control.slice, where its unit does not set it."""
NICE_0: Final = 1024
"""The weight of a task of nice 0, and the default of a group."""
DEFAULT_WEIGHT: Final = 100
"""CGROUP_WEIGHT_DFL, the equal weight in `cpu.weight`."""
WEIGHTS_MAX: Final = 10000
WEIGHTS: Final = range(1, WEIGHTS_MAX + 1)
SHARES: Final = range(2, 262145)
"""What a unit may set (systemd, src/basic/cgroup-util.h)."""
_SET = re.compile(r"[0-9]{1,6}\Z")


def expected_weight(source: Source, version: int, name: str) -> int | None:
    """The weight set by the slice's unit; control.slice has a default without one."""
    settings: dict[str, str] = {}
    for data in _unit(source, name):
        settings |= assignments(data)
    weight = _set(settings, "CPUWeight", WEIGHTS)
    if weight is not None:
        return weight if version == 2 else weight * NICE_0 // DEFAULT_WEIGHT
    shares = _set(settings, "CPUShares", SHARES)
    if shares is None and name == CONTROL:
        shares = CONTROL_SHARES
    if shares is None or version == 1:
        return shares
    # systemd's own conversion (src/core/cgroup.c: cgroup_cpu_shares_to_weight).
    return min(max(shares * DEFAULT_WEIGHT // NICE_0, 1), WEIGHTS_MAX)


def _set(settings: Mapping[str, str], name: str, allowed: range) -> int | None:
    """A number set in a unit; systemd ignores one that is not allowed."""
    text = settings.get(name, "")
    number = int(text) if _SET.match(text) else -1
    return number if number in allowed else None


def _unit(source: Source, name: str) -> Iterator[bytes]:
    """A unit's files in the order in which the last assignment wins (systemd.unit(5)).

    First the unit, of the first directory that has it; then the drop-ins by name, whatever the
    directory: one replaces those of its name in later directories.
    """
    read_ahead(source, "read", (f"{directory}/{name}" for directory in UNITS))
    for directory in UNITS:
        data = read_optional(source, f"{directory}/{name}")
        if data is not None:
            yield data
            break
    drop_ins: dict[str, str] = {}
    for directory in UNITS:
        for file in list_optional(source, f"{directory}/{name}.d") or ():
            if file.endswith(".conf"):
                drop_ins.setdefault(file, f"{directory}/{name}.d/{file}")
    for _, path in sorted(drop_ins.items()):
        yield read_optional(source, path) or b""
