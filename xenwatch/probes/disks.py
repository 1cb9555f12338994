"""Virtual disks as their backends count: who asks for how much of one storage, and who waits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.parse.kthread import BLKBACK
from xenwatch.parse.tapdisk import parse_tapdisk
from xenwatch.parse.text import number, word
from xenwatch.probes.base import DOMAIN_SETTLED, Probe
from xenwatch.probes.datapath import SHARED_MEMORY, TAPDISK
from xenwatch.probes.devices import DIRECTORY, identity
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.probes.xenstore import SLICE, read_key
from xenwatch.readings.disks import Disks, Transfers, VirtualDisk
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

SECTOR: Final = 512
"""Bytes of a sector in the blkif protocol, whatever the disk's own sector size."""
STATISTICS: Final = ("rd_req", "rd_sect", "wr_req", "wr_sect", "oo_req")
"""Files of blkback (drivers/block/xen-blkback/xenbus.c), which counts no times."""
_DISK = re.compile(r"(vbd|vbd3)-(\d{1,5})-(\d{1,10})\Z")
_NUMBERS = re.compile(r"([0-9a-f]{1,5}):([0-9a-f]{1,5})\Z")
_REPOSITORY = re.compile(rb"/dev/sm/backend/([0-9a-zA-Z-]{1,64})/")


@dataclass(frozen=True, slots=True)
class _Known:
    """A disk's device on the bus, see `identity`, and its storage; `None`: unknown."""

    made: bytes | None
    storage: str | None


_UNKNOWN: Final = _Known(None, None)


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is known of each disk, by domid and device id."""

    disks: Mapping[tuple[int, int], _Known]


def read(source: Source, _context: Snapshot, memory: _Memory) -> tuple[Disks, _Memory]:
    """All disks. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    found: dict[tuple[int, int], VirtualDisk] = {}
    known: dict[tuple[int, int], _Known] = {}
    lookups = SLICE
    for name in source.listdir(DIRECTORY):
        match = _DISK.match(name)
        if not match:
            continue
        key = int(match[2]), int(match[3])
        before, made = memory.disks.get(key, _UNKNOWN), identity(source, name)
        storage = before.storage if made == before.made else None
        if storage is None and lookups:
            lookups -= 1
            try:
                repository = _repository(source, match[1], key)
            except SourceError:  # the counters do not depend on xenstored
                lookups = 0
            else:
                storage = repository or _block_device(source, name)
        disk = (_tapdisk if match[1] == "vbd3" else _blkback)(source, name, storage)
        if disk is not None:
            found[key] = disk
            known[key] = _Known(made, storage)
    return Disks(dict(sorted(found.items()))), _Memory(known)


def _blkback(source: Source, name: str, storage: str | None) -> VirtualDisk | None:
    """A disk of blkback; `None` until it has connected, when its statistics appear."""
    numbers: dict[str, int] = {}
    for statistic in STATISTICS:
        path = f"{DIRECTORY}/{name}/statistics/{statistic}"
        data = read_optional(source, path)
        if data is None:
            return None
        numbers[statistic] = number(path, data)
    return VirtualDisk(
        BLKBACK,
        storage,
        Transfers(numbers["rd_req"], numbers["rd_sect"] * SECTOR, None),
        Transfers(numbers["wr_req"], numbers["wr_sect"] * SECTOR, None),
        numbers["oo_req"],
    )


def _tapdisk(source: Source, name: str, storage: str | None) -> VirtualDisk | None:
    """A disk of a tapdisk; `None` while it is not connected."""
    data = read_optional(source, f"{SHARED_MEMORY}/{name}/statistics")
    if data is None:
        return None
    stats = parse_tapdisk(data)
    return VirtualDisk(
        TAPDISK,
        storage,
        Transfers(stats.read_done, stats.read_sectors * SECTOR, stats.read_us / 1e6),
        Transfers(stats.write_done, stats.write_sectors * SECTOR, stats.write_us / 1e6),
        stats.out_of_requests,
    )


def _repository(source: Source, cls: str, key: tuple[int, int]) -> str | None:
    """The storage repository by the path xapi gives a disk; `None` under other toolstacks."""
    domid, devid = key
    params = read_key(source, f"/local/domain/0/backend/{cls}/{domid}/{devid}/params")
    match = _REPOSITORY.match(params or b"")
    return match[1].decode("ascii") if match else None


def _block_device(source: Source, name: str) -> str | None:
    """The block device behind a disk of blkback; `None` until it has connected."""
    data = read_optional(source, f"{DIRECTORY}/{name}/physical_device")
    numbers = _NUMBERS.match(word(data or b""))
    if not numbers:
        return None
    device = f"{int(numbers[1], 16)}:{int(numbers[2], 16)}"
    try:
        return source.readlink(f"/sys/dev/block/{device}").rpartition("/")[2]
    except SourceError:
        return device


DISKS = Probe(
    name="disks",
    reads=f"{DIRECTORY}/vbd-*/statistics, {SHARED_MEMORY}/vbd3-*/statistics; once per disk, its"
    " storage from xenstore's params or /sys/dev/block",
    advice="run as root; mount sysfs",
    read=read,
    memory=_Memory({}),
    interval=15.0,
    events=frozenset({DOMAIN_SETTLED}),
)
