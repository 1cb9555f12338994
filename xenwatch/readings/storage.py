"""Readings: what disks use in dom0: blktap, aio requests, loop devices, file systems."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Blktap:
    """blktap's identifiers in use. `regime` is `minor` (kernel driver) or `id` (blktap 4).

    `tapdisks` are running processes, `None` where blktap has no directory of control sockets.
    """

    regime: str
    identifiers: int
    tapdisks: int | None


@dataclass(frozen=True, slots=True)
class Aio:
    """aio requests as `/proc/sys/fs/aio-nr` and `aio-max-nr` count them."""

    nr: int
    max_nr: int


@dataclass(frozen=True, slots=True)
class Loops:
    """Loop devices with a backing file, and what limits them.

    `max_loop` and `max_part` are the module's parameters (`None`: module without them).
    """

    used: int
    max_loop: int | None
    max_part: int | None


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system in bytes: what is used, free for every user, and free for root alone.

    `inodes` is how many files it can hold, of which `inodes_used` are in use; `None` where it has
    no such limit.
    """

    used: int
    available: int
    reserved: int
    inodes_used: int | None = None
    inodes: int | None = None


@dataclass(frozen=True, slots=True)
class FileSystems:
    """dom0's root and log file systems by mount point, in bytes."""

    by_mount_point: Mapping[str, FileSystem]
