"""blktap identifiers, aio requests, loop devices, file systems."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.mounts import parse_mounts
from xenwatch.parse.partitions import parse_partitions
from xenwatch.parse.statvfs import parse_statvfs
from xenwatch.parse.text import number, word
from xenwatch.probes.base import DOMAIN_SETTLED, NotApplicable, Probe, stateless
from xenwatch.probes.datapath import TAPDISK
from xenwatch.probes.xen import list_optional, read_optional
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.storage import Aio, Blktap, FileSystem, FileSystems, Loops
from xenwatch.sources.base import Source, SourceError

BLKTAP_CLASS: Final = "/sys/class/blktap2"
TAPDISK_IDS: Final = "/run/blktap-control/tapdisk"
CONTROL_DIRECTORIES: Final = ("/run/blktap-control", "/var/run/blktap-control")
PARTITIONS: Final = "/proc/partitions"
LOG_DIRECTORY: Final = b"/var/log"
_CONTROL_SOCKET = re.compile(r"ctl(\d{1,10})\Z")
_LOOP = re.compile(r"loop\d+\Z")


def read_blktap(source: Source, context: Snapshot) -> Blktap:
    """Minors of the kernel driver, or the ids of blktap 4. Raises `NotApplicable`."""
    minors = list_optional(source, BLKTAP_CLASS)
    if minors is not None:
        used = sum(name.startswith("blktap!blktap") for name in minors)
        return Blktap("minor", used, _tapdisks(source))
    ids = list_optional(source, TAPDISK_IDS)
    if ids is not None:
        used = sum(name.startswith("tapdisk-") for name in ids)
        return Blktap("id", used, _tapdisks(source))
    raise NotApplicable(f"no blktap: neither {BLKTAP_CLASS} nor {TAPDISK_IDS} exists")


def read_aio(source: Source, context: Snapshot) -> Aio:
    """The kernel's two counters of aio requests."""
    numbers = [
        number(path, source.read(path))
        for path in ("/proc/sys/fs/aio-nr", "/proc/sys/fs/aio-max-nr")
    ]
    return Aio(*numbers)


def read_loops(source: Source, context: Snapshot) -> Loops:
    """Loop devices in use: those with a backing file, which alone have a size.

    A host may keep hundreds of unused devices; reading each one's directory took 190 ms under
    emulation, this one file 5 ms.
    """
    partitions = parse_partitions(source.read(PARTITIONS))
    used = sum(bool(_LOOP.match(partition.name)) for partition in partitions)
    return Loops(used, _parameter(source, "max_loop"), _parameter(source, "max_part"))


def read_file_systems(source: Source, context: Snapshot) -> FileSystems:
    """The root file system, and that of the logs where it is a different one.

    One that makes inodes as it needs them says it has 0 (btrfs: fs/btrfs/super.c, btrfs_statfs).
    """
    mounts = parse_mounts(read_mounts(source))
    places = {mount.mount_point for mount in mounts}
    log = LOG_DIRECTORY
    while log not in places and log != b"/":
        log = log.rpartition(b"/")[0] or b"/"
    found = {}
    for place in sorted({b"/", log}):
        path = place.decode("utf-8", "surrogateescape")
        stat = parse_statvfs(path, source.statvfs(path))
        inodes = (stat.files - stat.ffree, stat.files) if stat.files else (None, None)
        found[path] = FileSystem(
            used=(stat.blocks - stat.bfree) * stat.frsize,
            available=stat.bavail * stat.frsize,
            reserved=max(0, stat.bfree - stat.bavail) * stat.frsize,
            inodes_used=inodes[0],
            inodes=inodes[1],
        )
    return FileSystems(found)


def read_mounts(source: Source) -> bytes:
    """The mounts of the host's init: `/proc/mounts` is a link to those of the reading process."""
    try:
        return source.read("/proc/1/mounts")
    except SourceError:
        return source.read("/proc/mounts")


def _tapdisks(source: Source) -> int | None:
    """Running tapdisks, each of which listens on a control socket named after its process.

    One that failed to start or was killed leaves its socket, so the process must be there too.
    """
    for directory in CONTROL_DIRECTORIES:
        names = list_optional(source, directory)
        if names is not None:
            sockets = (match for name in names if (match := _CONTROL_SOCKET.match(name)))
            return sum(_is_tapdisk(source, match[1]) for match in sockets)
    return None


def _is_tapdisk(source: Source, pid: str) -> bool:
    return word(read_optional(source, f"/proc/{pid}/comm") or b"") == TAPDISK


def _parameter(source: Source, name: str) -> int | None:
    path = f"/sys/module/loop/parameters/{name}"
    data = read_optional(source, path)
    return None if data is None else number(path, data, signed=True)


BLKTAP = Probe(
    name="blktap",
    reads=f"{BLKTAP_CLASS}, {TAPDISK_IDS}, /run/blktap-control, /proc/PID/comm of tapdisks",
    advice="check that the directories are readable; mount procfs",
    read=stateless(read_blktap),
    events=frozenset({DOMAIN_SETTLED}),
)
AIO = Probe(
    name="aio",
    reads="/proc/sys/fs/aio-nr, /proc/sys/fs/aio-max-nr",
    advice="mount procfs",
    read=stateless(read_aio),
    events=frozenset({DOMAIN_SETTLED}),
)
LOOPS = Probe(
    name="loops",
    reads=f"{PARTITIONS}, /sys/module/loop/parameters",
    advice="mount procfs and sysfs",
    read=stateless(read_loops),
    events=frozenset({DOMAIN_SETTLED}),
)
FILE_SYSTEMS = Probe(
    name="file_systems",
    reads="/proc/1/mounts, else /proc/mounts, statvfs of / and of /var/log",
    advice="check whether the file system hangs: stat -f /",
    read=stateless(read_file_systems),
    interval=30.0,
)
