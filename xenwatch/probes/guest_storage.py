"""Space for the disks of guests: storage repositories, thin pools, volume groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from xenwatch.parse import thin_pools
from xenwatch.parse.mounts import parse_mounts
from xenwatch.parse.statvfs import parse_statvfs
from xenwatch.parse.text import word
from xenwatch.parse.thin_pools import METADATA_BLOCK, parse_thin_pools
from xenwatch.parse.volume_groups import ARGUMENTS, parse_volume_groups, volume_of
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.storage import read_mounts
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.guest_storage import (
    Size,
    StorageRepositories,
    StorageRepository,
    ThinPool,
    ThinPools,
    VolumeGroups,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

SECTOR: Final = 512
THIN_MODULE: Final = "/sys/module/dm_thin_pool"
STATUS: Final = ("/usr/sbin/dmsetup", "status", "--noflush", "--target", "thin-pool")
"""Without `--noflush` the kernel writes the metadata of each pool (drivers/md/dm-thin.c)."""
VGS: Final = ("/usr/sbin/vgs", *ARGUMENTS)
REPOSITORY_GROUP: Final = "VG_XenStorage-"
"""Prefix of the volume group of a storage repository (sm, libs/sm/lvutil.py)."""
_BAD_OPTION: Final = 3
"""Exit status of LVM for an option that it does not know (LVM2, lib/commands/errors.h)."""
_COMMAND_SECONDS: Final = 10.0
_MOUNT = re.compile(r"/(?:var/)?run/sr-mount/(?:.+/)?([^/]+)\Z")
"""sm, libs/sm/SR.py; SMB has directories for server and share in between (drivers/SMBSR.py)."""
_ISO: Final = "iso9660"
"""Always full, and nothing is written to it."""
_DEVICE = re.compile(r"dm-\d+\Z")


def read_repositories(source: Source, _context: Snapshot) -> StorageRepositories:
    """The mounted repositories, each with its size or why it has none.

    Raises `NotApplicable`, `SourceError` and `ParseError`.
    """
    found: dict[str, StorageRepository] = {}
    failures = []
    for mount in parse_mounts(read_mounts(source)):
        place = mount.mount_point.decode("utf-8", "surrogateescape")
        uuid = repository_of(place)
        fstype = mount.fstype.decode("ascii", "backslashreplace")
        if uuid is not None and fstype != _ISO:
            size, failure = _size(source, place)
            found[uuid] = StorageRepository(place, fstype, size)
            failures += [f"{place}: {failure}"] if failure else []
    if not found:
        raise NotApplicable("no storage repository is mounted below /run/sr-mount")
    return StorageRepositories(dict(sorted(found.items())), "; ".join(failures))


def repository_of(place: str) -> str | None:
    """The UUID of the storage repository that is mounted at a place; `None`: none is."""
    match = _MOUNT.match(place)
    return match[1] if match else None


def _size(source: Source, place: str) -> tuple[Size | None, str]:
    """The size of a file system, or why it has none: one that hangs costs the others nothing."""
    try:
        stat = parse_statvfs(place, source.statvfs(place))
    except SourceError as error:
        return None, error.reason
    if not stat.blocks:
        return None, "reports no size"
    used = (stat.blocks - stat.bfree) * stat.frsize
    return Size(used, used + stat.bavail * stat.frsize), ""


def read_thin_pools(source: Source, context: Snapshot) -> ThinPools:
    """The thin pools. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    if list_optional(source, THIN_MODULE) is None:
        raise NotApplicable(f"no thin pools: no {THIN_MODULE}")
    pools = parse_thin_pools(_run(source, STATUS))
    return ThinPools({_name(pool.name): _pool(pool) for pool in pools})


def _pool(pool: thin_pools.ThinPool) -> ThinPool:
    data = metadata = None
    if pool.data is not None:
        # The size of a block is in the table alone; the blocks are as many as fit the length.
        block = pool.sectors * SECTOR // max(1, pool.data.total)
        data = Size(pool.data.used * block, pool.data.total * block)
    if pool.metadata is not None:
        used, total = pool.metadata.used, pool.metadata.total
        metadata = Size(used * METADATA_BLOCK, total * METADATA_BLOCK)
    return ThinPool(pool.mode, data, metadata)


def _name(device: str) -> str:
    """The pool as LVM's tools name it: `qubes_dom0/vm-pool`."""
    parts = volume_of(device) if device.endswith("-tpool") else None
    return "/".join(parts) if parts else device


def read_volume_groups(source: Source, context: Snapshot) -> VolumeGroups:
    """The groups that hold disks of guests. Raises `NotApplicable`, `SourceError`, `ParseError`."""
    require_dom0(source, context)
    wanted = {*_repository_groups(source), *_groups_of_disks(source, context)}
    if not wanted:
        raise NotApplicable("no volume group holds a disk of a guest")
    groups = parse_volume_groups(_run(source, VGS))
    return VolumeGroups(
        {
            group.name: Size(group.size - group.free, group.size)
            for group in groups
            if group.name in wanted
        }
    )


def _repository_groups(source: Source) -> Iterator[str]:
    """The groups of storage repositories, of which a volume is active."""
    return (name for name in source.listdir("/dev") if name.startswith(REPOSITORY_GROUP))


def _groups_of_disks(source: Source, context: Snapshot) -> Iterator[str]:
    """The groups of the volumes that blkback serves; thin ones take of their pool instead."""
    disks = context.disks.by_device.values() if context.disks else ()
    for device in {disk.storage for disk in disks if disk.storage is not None}:
        if not _DEVICE.match(device):
            continue
        home = f"/sys/block/{device}"
        uuid, name = (read_optional(source, f"{home}/dm/{key}") for key in ("uuid", "name"))
        parts = volume_of(word(name or b""))
        if parts and (uuid or b"").startswith(b"LVM-") and not _is_thin(source, home):
            yield parts[0]


def _is_thin(source: Source, home: str) -> bool:
    """Whether a volume lies on a thin pool."""
    below = list_optional(source, f"{home}/slaves") or ()
    names = (read_optional(source, f"/sys/block/{device}/dm/name") for device in below)
    return any(word(name or b"").endswith("-tpool") for name in names)


def _run(source: Source, argv: Sequence[str]) -> bytes:
    """Standard output of a command that succeeds.

    Raises `SourceError`, and `NotApplicable` where it is not installed, or LVM is too old for it.
    """
    try:
        done = source.run(argv, _COMMAND_SECONDS)
    except SourceError as error:
        if error.missing:
            raise NotApplicable(f"{argv[0]} is not installed") from error
        raise
    if done.status == _BAD_OPTION:
        raise NotApplicable(f"{argv[0]} is too old for {' '.join(argv[1:])}")
    if done.status:
        reason = word(done.stderr.partition(b"\n")[0]) or "no message"
        raise SourceError(" ".join(argv), f"failed with exit status {done.status}: {reason}")
    return done.stdout


STORAGE_REPOSITORIES: Final = Probe(
    name="storage_repositories",
    reads="/proc/1/mounts, else /proc/mounts, statvfs of each file system below /run/sr-mount",
    advice="mount procfs",
    read=stateless(read_repositories),
    interval=30.0,
    deadline=60.0,
)
RIGHTS: Final = "add the drop-in lvm.conf (docs/operations.md) to the unit, or run as root"
"""Device mapper answers to CAP_SYS_ADMIN alone (drivers/md/dm-ioctl.c), which the unit drops."""
DEVICE_MAPPER: Final = {"CAP_SYS_ADMIN": "device mapper"}
THIN_POOLS: Final = Probe(
    name="thin_pools",
    reads=f"where {THIN_MODULE} exists: {' '.join(STATUS)}",
    advice=f"{RIGHTS}; check whether a pool hangs: dmsetup status --noflush --target thin-pool",
    read=stateless(read_thin_pools),
    interval=60.0,
    deadline=15.0,
    enabled=False,
    capabilities=DEVICE_MAPPER,
)
VOLUME_GROUPS: Final = Probe(
    name="volume_groups",
    reads=f"names in /dev, /sys/block/dm-*/dm of guests' disks; {' '.join(VGS)}",
    advice=f"{RIGHTS}; check whether a device hangs: vgs --readonly",
    read=stateless(read_volume_groups),
    interval=300.0,
    deadline=15.0,
    share=0.01,
    enabled=False,
    capabilities=DEVICE_MAPPER,
)
