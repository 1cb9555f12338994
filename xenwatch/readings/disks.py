"""Readings: transfers of virtual disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.values import dataclass

STALLED: Final = 120.0
"""Seconds without progress from which on storage hangs: the kernel's own hung_task_timeout_secs."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """Reads or writes: requests, bytes, and total seconds of requests (`None`: not counted)."""

    requests: int
    bytes: int
    wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class VirtualDisk:
    """A disk of a domain as its backend counts it; `backend` is blkback or tapdisk.

    `storage` is the storage repository's UUID, or the block device behind the disk, `None` while
    unknown. `out_of_requests` counts how often a request had to wait for others to complete.
    `in_flight` are the requests that the storage has not answered, `stalled_seconds` how long it
    has answered none while there were any; `None`: unknown.
    """

    backend: str
    storage: str | None
    read: Transfers
    write: Transfers
    out_of_requests: int
    in_flight: int | None = None
    stalled_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Disks:
    """The disks by domid and device id, and of those that are not connected backend and storage."""

    by_device: Mapping[tuple[int, int], VirtualDisk]
    unconnected: Mapping[tuple[int, int], tuple[str, str | None]] = field(default_factory=dict)

    def stalled(self) -> Mapping[str | None, list[tuple[int, int]]]:
        """The disks whose storage hangs, by storage, the one that waits longest first."""
        found: dict[str | None, list[tuple[int, int]]] = {}
        late = (
            (-disk.stalled_seconds, key, disk.storage)
            for key, disk in self.by_device.items()
            if disk.stalled_seconds is not None and disk.stalled_seconds >= STALLED
        )
        for _, key, storage in sorted(late, key=lambda each: each[:2]):
            found.setdefault(storage, []).append(key)
        return found
