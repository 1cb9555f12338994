"""The units and drop-ins as they are shipped, and what each systemd makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SYSTEMD: Final = ROOT / "systemd"
VERSIONS: Final = (219, 239, 247, 252, 257)
"""XCP-ng 8 and XenServer 8, RHEL 8, Debian 11, Debian 12, Debian 13."""
FRONT, READER = "xenwatch.service", "xenwatch-reader.service"
UNITS: Final = (FRONT, READER, "xenwatch-reader.socket", "xenwatch-web.socket")
OLD: Final = {unit: SYSTEMD / f"219/{unit}.d/219.conf" for unit in (FRONT, READER)}
"""The drop-ins for systemd 219 by unit."""
CONTROL_SLICE: Final = SYSTEMD / "control-slice.conf"

_BLOCK: Final = re.compile(r"\[(\d+) (new|gone) (\w+)\]\Z")
_BOOLEAN: Final = frozenset(["yes", "no", "true", "false", "on", "off", "1", "0"])
_VALUES_219: Final = {
    "ProtectSystem": _BOOLEAN | {"full"},
    "ProtectHome": _BOOLEAN | {"read-only"},
    "Type": frozenset(["simple", "forking", "oneshot", "dbus", "notify", "idle"]),
    "KillMode": frozenset(["control-group", "process", "mixed", "none"]),
    "DevicePolicy": frozenset(["strict", "closed", "auto"]),
}
"""Of the settings whose values became more: those 219 takes (its src/core: namespace.c, service.c,
kill.c, cgroup.c)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a unit."""

    section: str
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Systemd:
    """What one version of systemd knows: settings by section, groups of system calls."""

    version: int
    settings: Mapping[str, frozenset[str]]

    def knows(self, setting: Setting) -> bool:
        """Whether it knows the setting of that section."""
        return setting.name in self.settings[setting.section]

    def accepted(self, setting: Setting) -> str | None:
        """The value it takes of a setting it knows; `None` where it refuses all of it.

        Of a list of system calls it drops the groups it does not know.
        """
        value = setting.value
        if setting.name == "SystemCallFilter":
            sign = "~" if value.startswith("~") else ""
            words = value.removeprefix("~").split()
            groups = self.settings.get("groups", frozenset())
            kept = [word for word in words if word[0] != "@" or word in groups]
            return sign + " ".join(kept) if kept or not words else None
        allowed = _VALUES_219.get(setting.name) if self.version == VERSIONS[0] else None
        return value if allowed is None or value in allowed else None

    def ignores(self, setting: Setting) -> bool:
        """Whether it ignores the setting or a part of its value, with a warning."""
        return not self.knows(setting) or self.accepted(setting) != setting.value


def systemds() -> dict[int, Systemd]:
    """Every version of the table in `settings.txt`."""
    found: dict[int, dict[str, set[str]]] = {version: {} for version in VERSIONS}
    block: list[tuple[set[str], bool]] = []
    for line in (Path(__file__).parent / "settings.txt").read_text(encoding="ascii").splitlines():
        if match := _BLOCK.match(line):
            since, new = int(match[1]), match[2] == "new"
            block = [
                (found[version].setdefault(match[3], set()), new)
                for version in VERSIONS
                if version >= since
            ]
        elif not line.startswith("#"):
            for names, new in block:
                change = names.update if new else names.difference_update
                change(line.split())
    return {
        version: Systemd(version, {name: frozenset(names) for name, names in sections.items()})
        for version, sections in found.items()
    }


def settings(path: Path) -> list[Setting]:
    """The settings of a unit or drop-in, in its order."""
    section, found = "", []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append(Setting(section, name, value))
    return found


def written(lines: Iterable[Setting]) -> str:
    """The settings as a unit."""
    return "".join(f"[{line.section}]\n{line}\n" for line in lines)


def as_read(unit: str, systemd: Systemd) -> list[Setting]:
    """What a version of systemd takes of a unit, with the drop-in for 219 where it is that."""
    lines = settings(SYSTEMD / unit)
    if systemd.version == VERSIONS[0] and unit in OLD:
        lines += settings(OLD[unit])
    return [
        Setting(line.section, line.name, value)
        for line in lines
        if systemd.knows(line) and (value := systemd.accepted(line)) is not None
    ]
