"""Readings: memory of dom0 and of the host."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Memory:
    """dom0's memory in bytes; `None` where the kernel does not tell.

    `low_*` are the zones below high memory of a 32-bit kernel: all, free, and what of it the
    kernel's own allocations can have above the watermarks and reserves. `available` is
    MemAvailable (Linux >= 3.14).

    `balloon_target` and `balloon_current` are those of Xen's balloon driver.
    """

    total: int
    available: int | None
    free: int
    low_total: int | None
    low_free: int | None
    low_usable: int | None
    swap_total: int | None
    swap_free: int | None
    slab: int | None
    slab_unreclaimable: int | None
    balloon_target: int | None
    balloon_current: int | None


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Xen's memory in bytes: the total, and the part neither in use nor claimed.

    `owed` is what each guest may still demand beyond what it has (populate on demand), by domid of
    the guests that can; `None` in a capture that was made without it.
    """

    total: int
    free: int
    owed: Mapping[int, int] | None
