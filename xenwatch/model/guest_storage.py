"""Where the disks of guests are kept: it fills, or hangs."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from xenwatch.model.datapath import USUAL
from xenwatch.model.platform import Platform
from xenwatch.model.render.thin_pools import render_thin_pools
from xenwatch.model.render.volume_groups import render_volume_groups
from xenwatch.model.state import Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse.mountstats import NfsMount
from xenwatch.parse.statvfs import Statvfs
from xenwatch.parse.tapdisk import TapdiskStats
from xenwatch.parse.thin_pools import Blocks, ThinPool
from xenwatch.sources.base import CommandOutput, SourceError
from xenwatch.values import dataclass

REPOSITORY: Final = "repository"
THIN_POOL: Final = "thin_pool"
STORAGES: Final = {
    REPOSITORY: "SR_BACKEND_FAILURE_44(, There is insufficient space, )",
    THIN_POOL: "Cannot create new thin volume, free space in thin pool vg0/guests reached"
    " threshold.",
}
"""What an operator sees once it is full."""
PROGRAMS: Final = ("dmsetup", "vgs")
_DISK = re.compile(r"vbd3?-\d+-\d+\Z")
_GIB: Final = 1 << 30
_SECTOR: Final = 512
_REQUESTS: Final = 100_000
"""To the server of the repository, that it answered at once."""
_RETRANS: Final = 4
"""How often a request is sent again before it times out (sm, libs/sm/nfs.py)."""
_BLOCKS_MAPPED: Final = 100
"""Blocks of data whose mapping takes one more block of metadata."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write so many GiB to a storage, one of `STORAGES`, every so many seconds until it is full."""

    storage: str
    gib: int
    at: float = 0.0
    every: float = 1.0
    count: int | None = None

    def problems(self, platform: Platform | None) -> list[tuple[bool, str]]:
        """What is wrong with it on a platform, see `xenwatch.model.scenario`."""
        there = {REPOSITORY: bool(platform and platform.repository)}
        there[THIN_POOL] = platform is not None and platform.thin_pool is not None
        name = platform.name if platform else ""
        return [
            (self.storage not in STORAGES, f"storage must be one of: {', '.join(STORAGES)}"),
            (not there.get(self.storage), f"storage {self.storage}: {name} has none"),
            (not self.every or not self.gib, "every and gib of a write must be greater than 0"),
        ]


@dataclass(frozen=True, slots=True)
class Stall:
    """The storage of all disks answers nothing from `at` to `until`, or for ever.

    Each disk has so many reads in flight meanwhile.
    """

    requests: int = 1
    at: float = 0.0
    until: float | None = None

    def problems(self, _platform: Platform | None) -> list[tuple[bool, str]]:
        """What is wrong with it, see `xenwatch.model.scenario`."""
        return [(self.until is not None and self.until <= self.at, "until must be after at")]


def build(tree: FileTree, dom0: Dom0) -> None:
    """Add the files."""
    if dom0.platform.thin_pool is not None:
        tree.directory("/sys/module/dm_thin_pool")
        tree.file("/usr/sbin/dmsetup", b"\x7fELF")
    if dom0.platform.volume_groups:
        tree.file("/usr/sbin/vgs", b"\x7fELF")
    for group in dom0.platform.volume_groups:
        tree.directory(f"/dev/{group.name}")


def write(dom0: Dom0, storage: str, gib: int) -> bool:
    """Write to a storage; false when that has filled it."""
    if storage == REPOSITORY:
        size = dom0.platform.file_systems[dom0.platform.repository]
        room = size.bavail * size.frsize // 1024 - dom0.storage.repository_kib
        wanted = gib * (_GIB // 1024)
        dom0.storage.repository_kib += min(wanted, room)
        return wanted <= room
    pool = dom0.platform.thin_pool
    if pool is None or pool.data is None:
        return False
    room = pool.data.total - pool.data.used - dom0.storage.pool_blocks
    wanted = gib * _GIB // (pool.sectors * _SECTOR // pool.data.total)
    dom0.storage.pool_blocks += min(wanted, room)
    return wanted <= room


def repository_size(dom0: Dom0, size: Statvfs) -> Statvfs:
    """What statvfs tells of the repository, whose size at boot this is. Raises `SourceError`."""
    if dom0.storage.hangs:
        raise SourceError(dom0.platform.repository, "timed out after 2 s")
    written = dom0.storage.repository_kib * 1024 // size.frsize
    return dataclasses.replace(size, bfree=size.bfree - written, bavail=size.bavail - written)


def thin_pool(dom0: Dom0, pool: ThinPool) -> ThinPool:
    """The pool now, which was this at boot."""
    if pool.data is None or pool.metadata is None:
        return pool
    data = Blocks(pool.data.used + dom0.storage.pool_blocks, pool.data.total)
    mapped = dom0.storage.pool_blocks // _BLOCKS_MAPPED
    metadata = Blocks(min(pool.metadata.total, pool.metadata.used + mapped), pool.metadata.total)
    mode = "out_of_data_space" if data.used == data.total else pool.mode
    return dataclasses.replace(pool, data=data, metadata=metadata, mode=mode)


def answer(dom0: Dom0, program: str) -> CommandOutput:
    """What one of `PROGRAMS` prints."""
    if program == "vgs":
        return CommandOutput(0, render_volume_groups(dom0.platform.volume_groups), b"")
    pool = dom0.platform.thin_pool
    pools = [] if pool is None else [thin_pool(dom0, pool)]
    return CommandOutput(0, render_thin_pools(pools), b"")


def stall(dom0: Dom0, requests: int) -> None:
    """From now on no request completes, of which each disk has so many more."""
    dom0.storage.hangs = True
    for bus_id in filter(_DISK.match, dom0.backends):
        dom0.storage.waiting += requests
        before = dom0.io.get(bus_id, USUAL)
        dom0.io[bus_id] = dataclasses.replace(before, read_reqs=before.read_reqs + requests)


def resume(dom0: Dom0) -> None:
    """All requests complete, those that had to wait as timed out."""
    dom0.storage.hangs = False
    dom0.storage.timeouts += dom0.storage.waiting
    dom0.storage.waiting = 0
    dom0.io = {bus_id: _completed(io) for bus_id, io in dom0.io.items()}


def nfs_mounts(dom0: Dom0) -> dict[bytes, NfsMount]:
    """The repository by its mount point, where it is on NFS."""
    late = dom0.storage.timeouts
    done = _REQUESTS + late
    return {
        mount.mount_point: NfsMount(mount.mount_point, done, done + _RETRANS * late, late)
        for mount in dom0.platform.mounts
        if mount.fstype == b"nfs"
    }


def _completed(io: TapdiskStats) -> TapdiskStats:
    return dataclasses.replace(io, read_done=io.read_reqs)
