"""Virtual disks as their backends count: who asks for how much of one storage, and who waits."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.parse.block_stat import parse_block_stat
from xenwatch.parse.kthread import BLKBACK
from xenwatch.parse.tapdisk import parse_tapdisk
from xenwatch.parse.text import number, uptime, word
from xenwatch.probes.base import DOMAIN_SETTLED, Probe
from xenwatch.probes.datapath import SHARED_MEMORY, TAPDISK
from xenwatch.probes.devices import DIRECTORY, identity
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.probes.xenstore import SLICE, read_key
from xenwatch.readings.disks import Disks, Transfers, VirtualDisk
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError, read_ahead
from xenwatch.values import dataclass

SECTOR: Final = 512
"""Bytes of a sector in the blkif protocol, whatever the disk's own sector size."""
STATISTICS: Final = ("rd_req", "rd_sect", "wr_req", "wr_sect", "oo_req")
"""Files of blkback (drivers/block/xen-blkback/xenbus.c), which counts no times."""
_DISK = re.compile(r"(vbd|vbd3)-(\d{1,5})-(\d{1,10})\Z")
_NUMBERS = re.compile(r"([0-9a-f]{1,5}):([0-9a-f]{1,5})\Z")
_REPOSITORY = re.compile(rb"/dev/sm/backend/([0-9a-zA-Z-]{1,64})/")


@dataclass(frozen=True, slots=True)
class _Known:
    """A disk's device on the bus, see `identity`, its storage, its block device; `None`: unknown.

    `completed` are the requests completed; the last was, or none was in flight, at `progress`
    seconds since boot.
    """

    made: bytes | None = None
    storage: str | None = None
    device: str | None = None
    completed: int | None = None
    progress: float | None = None


_UNKNOWN: Final = _Known()


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is known of each disk, by domid and device id."""

    disks: Mapping[tuple[int, int], _Known]


@dataclass(frozen=True, slots=True)
class _Found:
    """A disk as its backend counts it, and its requests completed; `None`: not counted."""

    disk: VirtualDisk
    completed: int | None


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Disks, _Memory]:
    """All disks. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    disks: dict[tuple[int, int], VirtualDisk] = {}
    unconnected: dict[tuple[int, int], tuple[str, str | None]] = {}
    known: dict[tuple[int, int], _Known] = {}
    lookups = SLICE
    now = _uptime(source)
    names = source.listdir(DIRECTORY)
    _read_ahead(source, names, memory)
    for name in names:
        match = _DISK.match(name)
        if not match:
            continue
        key = int(match[2]), int(match[3])
        before, made = memory.disks.get(key, _UNKNOWN), identity(source, name)
        same = made == before.made
        storage, device = (before.storage, before.device) if same else (None, None)
        if device is None and match[1] == "vbd":
            device = _device(source, name)
        if storage is None and lookups:
            lookups -= 1
            try:
                repository = _repository(source, match[1], key)
            except SourceError:  # the counters do not depend on xenstored
                lookups = 0
            else:
                storage = repository or _device_name(source, device)
        tapdisk = match[1] == "vbd3"
        found = _tapdisk(source, name) if tapdisk else _blkback(source, name, device)
        if found is None:
            known[key] = _Known(made, storage)
            unconnected[key] = TAPDISK if tapdisk else BLKBACK, storage
        else:
            progress = _progress(found, before, now)
            known[key] = _Known(made, storage, device, found.completed, progress)
            disks[key] = dataclasses.replace(
                found.disk, storage=storage, stalled_seconds=_stalled(found.disk, progress, now)
            )
    return Disks(dict(sorted(disks.items())), dict(sorted(unconnected.items()))), _Memory(known)


def _read_ahead(source: Source, names: Iterable[str], memory: _Memory) -> None:
    """Tell the source what is read of the disks that are known."""
    stats, files = [], []
    for match in filter(None, map(_DISK.match, names)):
        known = memory.disks.get((int(match[2]), int(match[3])), _UNKNOWN)
        stats.append(f"{DIRECTORY}/{match[0]}")
        if match[1] == "vbd3":
            files.append(f"{SHARED_MEMORY}/{match[0]}/statistics")
            continue
        files += [f"{DIRECTORY}/{match[0]}/statistics/{statistic}" for statistic in STATISTICS]
        files += [f"/sys/dev/block/{known.device}/stat"] if known.device else []
    read_ahead(source, "stat", stats)
    read_ahead(source, "read", files)


def _uptime(source: Source) -> float | None:
    """Seconds since boot; the counters do not depend on them."""
    try:
        return uptime(source.read("/proc/uptime"))
    except SourceError:
        return None


def _progress(found: _Found, before: _Known, now: float | None) -> float | None:
    """When the last request completed, or none was in flight, as far as is known."""
    waiting = found.disk.in_flight and found.completed == before.completed
    return before.progress if waiting and before.progress is not None else now


def _stalled(disk: VirtualDisk, progress: float | None, now: float | None) -> float | None:
    """Seconds without progress; 0 where nothing is in flight."""
    if disk.in_flight is None or progress is None or now is None:
        return None
    return max(0.0, now - progress)


def _blkback(source: Source, name: str, device: str | None) -> _Found | None:
    """A disk of blkback; `None` until it has connected, when its statistics appear.

    It counts requests as it takes them; which of them are completed its block device knows.
    """
    numbers: dict[str, int] = {}
    for statistic in STATISTICS:
        path = f"{DIRECTORY}/{name}/statistics/{statistic}"
        data = read_optional(source, path)
        if data is None:
            return None
        numbers[statistic] = number(path, data)
    path = f"/sys/dev/block/{device}/stat"
    data = read_optional(source, path) if device else None
    stat = None if data is None else parse_block_stat(path, data)
    disk = VirtualDisk(
        BLKBACK,
        None,
        Transfers(numbers["rd_req"], numbers["rd_sect"] * SECTOR, None),
        Transfers(numbers["wr_req"], numbers["wr_sect"] * SECTOR, None),
        numbers["oo_req"],
        stat.in_flight if stat else None,
    )
    return _Found(disk, stat.completed if stat else None)


def _tapdisk(source: Source, name: str) -> _Found | None:
    """A disk of a tapdisk; `None` while it is not connected.

    A request that ends with an error is completed too (drivers/td-req.c of blktap).
    """
    data = read_optional(source, f"{SHARED_MEMORY}/{name}/statistics")
    if data is None:
        return None
    stats = parse_tapdisk(data)
    submitted, completed = stats.read_reqs + stats.write_reqs, stats.read_done + stats.write_done
    disk = VirtualDisk(
        TAPDISK,
        None,
        Transfers(stats.read_done, stats.read_sectors * SECTOR, stats.read_us / 1e6),
        Transfers(stats.write_done, stats.write_sectors * SECTOR, stats.write_us / 1e6),
        stats.out_of_requests,
        max(0, submitted - completed),
    )
    return _Found(disk, completed)


def _repository(source: Source, cls: str, key: tuple[int, int]) -> str | None:
    """The storage repository by the path xapi gives a disk; `None` under other toolstacks."""
    domid, devid = key
    params = read_key(source, f"/local/domain/0/backend/{cls}/{domid}/{devid}/params")
    match = _REPOSITORY.match(params or b"")
    return match[1].decode("ascii") if match else None


def _device(source: Source, name: str) -> str | None:
    """Numbers of the block device behind a disk of blkback; `None` until it has connected."""
    data = read_optional(source, f"{DIRECTORY}/{name}/physical_device")
    numbers = _NUMBERS.match(word(data or b""))
    return f"{int(numbers[1], 16)}:{int(numbers[2], 16)}" if numbers else None


def _device_name(source: Source, device: str | None) -> str | None:
    """The name of a block device, its numbers where it has none."""
    if device is None:
        return None
    try:
        return source.readlink(f"/sys/dev/block/{device}").rpartition("/")[2]
    except SourceError:
        return device


DISKS = Probe(
    name="disks",
    reads=f"{DIRECTORY}/vbd-*/statistics, /sys/dev/block/*/stat, {SHARED_MEMORY}/vbd3-*/statistics,"
    " /proc/uptime; once per disk, its storage from xenstore's params or /sys/dev/block",
    advice="run as root; mount sysfs",
    read=read,
    memory=_Memory({}),
    interval=20.0,
    events=frozenset({DOMAIN_SETTLED}),
)
