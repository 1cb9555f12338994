"""Units with a setting for the CPU: why systemd has the CPU controller on.

systemd switches the controller on for every group on the way to a unit that wants it, and with that
for their siblings (src/core/cgroup.c: unit_get_enable_mask, and unit_get_siblings_mask of version
1). A group has the controller's files exactly where it is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from xenwatch.parse.text import word
from xenwatch.probes.xen import list_optional, read_optional
from xenwatch.sources.base import Source, read_ahead

DEFAULTS: Final[Mapping[int, Mapping[str, str]]] = {
    1: {"cpu.shares": "1024", "cpu.cfs_quota_us": "-1"},
    2: {"cpu.weight": "100", "cpu.max": "max"},
}
"""The first word of each file of a group without a setting, by version of control groups."""
DELEGATED: Final = "delegated"
USER_MANAGER: Final = "user@"
"""Since systemd 252 it has Delegate=pids memory cpu (units/user@.service.in)."""
GROUPS_MAX: Final = 512
"""Most groups looked at: a dom0 has some forty services, and a scope for each login."""


def setters(
    source: Source, root: str, version: int, slices: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """The units in these slices with a setting: its name, and the file that shows it.

    `delegated` stands for the manager of a user, to whom systemd gives the controller. Raises
    `SourceError`, `ParseError`.
    """
    waiting = [f"{root}/{name}" for name in slices]
    for _ in range(GROUPS_MAX):
        if not waiting:
            return
        home = waiting.pop()
        found = _setting(source, home, version)
        if found is None:
            continue
        name = home.rpartition("/")[2]
        if found or name.startswith(USER_MANAGER):
            yield name, found or DELEGATED
        if name.endswith(".slice"):
            names = filter(_is_unit, list_optional(source, home) or ())
            below = [f"{home}/{name}" for name in names]
            read_ahead(
                source, "read", (f"{each}/{file}" for each in below for file in DEFAULTS[version])
            )
            waiting += below


def _is_unit(name: str) -> bool:
    return name.endswith((".slice", ".service", ".scope"))


def _setting(source: Source, home: str, version: int) -> str | None:
    """The file with a setting, empty where there is none; `None` where the controller is off."""
    on = False
    for file, default in DEFAULTS[version].items():
        data = read_optional(source, f"{home}/{file}")
        on = on or data is not None
        if data is not None and word(data).partition(" ")[0] != default:
            return file
    return "" if on else None
