"""Readings: transfers of virtual disks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    """

    backend: str
    storage: str | None
    read: Transfers
    write: Transfers
    out_of_requests: int


@dataclass(frozen=True, slots=True)
class Disks:
    """The disks by domid and device id."""

    by_device: Mapping[tuple[int, int], VirtualDisk]
