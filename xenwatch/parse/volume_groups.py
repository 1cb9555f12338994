"""`vgs` with sizes in bytes, and the names of LVM's volumes in the device mapper."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

ARGUMENTS: Final = (
    *("--readonly", "--noheadings", "--nosuffix", "--units", "b"),
    *("--separator", "|", "-o", "vg_name,vg_size,vg_free"),
)
"""What `parse_volume_groups` reads (LVM2, vgs(8)); `--readonly` takes no lock, writes nothing."""
_ROW = re.compile(rb" *([a-zA-Z0-9+_.-]{1,127})\|(\d{1,20})\|(\d{1,20}) *\Z")
_PARTS = re.compile(r"((?:[^-]|--)+)-((?:[^-]|--)+)(?:-([^-]+))?\Z")


@dataclass(frozen=True, slots=True)
class VolumeGroup:
    """A volume group: its size and what no volume has, in bytes."""

    name: str
    size: int
    free: int


def parse_volume_groups(data: bytes) -> tuple[VolumeGroup, ...]:
    """The groups in the order of the lines. Raises `ParseError`."""
    *lines, rest = data.split(b"\n")
    if rest:
        raise ParseError("vgs", "truncated last line", rest)
    return tuple(map(_group, lines))


def _group(line: bytes) -> VolumeGroup:
    match = _ROW.match(line)
    if not match or int(match[3]) > int(match[2]):
        raise ParseError("vgs", "expected a name, a size and what is free of that", line)
    return VolumeGroup(match[1].decode("ascii"), int(match[2]), int(match[3]))


def volume_of(device: str) -> tuple[str, str] | None:
    """Volume group and logical volume of a device of LVM's, `None` of any other name.

    A hyphen in either is doubled, and a layer may follow: `qubes_dom0-vm--pool-tpool` is
    qubes_dom0 and vm-pool (LVM2, libdm/libdm-string.c, dm_build_dm_name).
    """
    match = _PARTS.match(device)
    return (match[1].replace("--", "-"), match[2].replace("--", "-")) if match else None
