"""Space for disks of guests: what the limits of repositories, thin pools and groups share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xenwatch.limits.base import Max, Maxima, Used
from xenwatch.readings.guest_storage import Size
from xenwatch.readings.snapshot import Snapshot

Sizes = Callable[[Snapshot], Mapping[str, Size]]
"""Used and total bytes by instance; what was not read, or does not answer, is left out."""


def size_used(sizes: Sizes) -> Used:
    """Bytes in use."""
    return lambda snapshot: {name: size.used for name, size in sizes(snapshot).items()}


def size_max(sizes: Sizes, origin: str) -> Maxima:
    """All bytes, with where the figure is from."""
    return lambda snapshot: {
        name: Max(size.total, origin) for name, size in sizes(snapshot).items()
    }
