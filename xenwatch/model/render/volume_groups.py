"""`vgs`, see `xenwatch.parse.volume_groups`."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.volume_groups import VolumeGroup


def render_volume_groups(groups: Iterable[VolumeGroup]) -> bytes:
    """The lines of these groups."""
    return "".join(f"  {group.name}|{group.size}|{group.free}\n" for group in groups).encode()
