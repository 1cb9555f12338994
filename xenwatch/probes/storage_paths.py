"""The ways to the storage: paths of multipath maps, iSCSI sessions, requests to NFS servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.parse import multipathd
from xenwatch.parse.errors import ParseError
from xenwatch.parse.mounts import parse_mounts
from xenwatch.parse.mountstats import parse_mountstats
from xenwatch.parse.multipathd import parse_paths
from xenwatch.parse.text import word
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.guest_storage import repository_of
from xenwatch.probes.storage import read_mounts
from xenwatch.probes.xen import list_optional, read_optional
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.storage_paths import (
    IscsiSession,
    IscsiSessions,
    Multipath,
    MultipathMap,
    NfsRepositories,
    NfsRequests,
)
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

MODULE: Final = "/sys/module/dm_multipath"
BLOCK: Final = "/sys/block"
MULTIPATHD: Final = ("/usr/sbin/multipathd", "show", "paths", "format", multipathd.FORMAT)
"""It is asked by its socket, which answers `show` to anyone (multipathd/uxlsnr.c)."""
SESSIONS: Final = "/sys/class/iscsi_session"
CONNECTIONS: Final = "/sys/class/iscsi_connection"
MOUNTSTATS: Final = ("/proc/1/mountstats", "/proc/self/mountstats")
_NFS: Final = (b"nfs", b"nfs4")
_MAP = re.compile(r"dm-\d+\Z")
_UUID: Final = b"mpath-"
"""Prefix of a map's UUID (libmultipath/devmapper.h); a partition's begins with `part`."""
_USABLE: Final = ("running", "live")
"""State of a SCSI device (drivers/scsi/scsi_sysfs.c), of an NVMe controller (drivers/nvme/host)."""
_SESSION = re.compile(r"session(\d{1,10})\Z")
_LOGGED_IN: Final = {"LOGGED_IN": True, "FAILED": False, "FREE": False}
"""drivers/scsi/scsi_transport_iscsi.c: FREE once the recovery of a session has timed out."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """The most paths of each map, by its UUID, that worked at once."""

    most: Mapping[bytes, int]


def read_multipath(
    source: Source, _context: Snapshot, memory: _Memory
) -> tuple[Multipath, _Memory]:
    """The multipath maps. Raises `NotApplicable` and `SourceError`.

    The kernel tells by sysfs which paths a map has and whether their devices are there; whether it
    has failed a path whose device is there, multipathd alone tells.
    """
    if list_optional(source, MODULE) is None:
        raise NotApplicable(f"no multipath maps: no {MODULE}")
    maps = dict(_maps(source))
    used, why = _used(source) if maps else ({}, "")
    found: dict[str, MultipathMap] = {}
    most: dict[bytes, int] = {}
    for device, uuid in maps.items():
        paths = list_optional(source, f"{BLOCK}/{device}/slaves") or ()
        works = [_works(source, path, used.get(path)) for path in paths]
        up = None if None in works else works.count(True)
        most[uuid] = max(up or 0, memory.most.get(uuid, 0))
        total = max(len(paths), most[uuid])
        name = word(read_optional(source, f"{BLOCK}/{device}/dm/name") or b"") or device
        found[name] = MultipathMap(total, None if up is None else total - up)
    return Multipath(found, why), _Memory(most)


def _maps(source: Source) -> Iterator[tuple[str, bytes]]:
    """The devices that are multipath maps, with their UUIDs."""
    for name in filter(_MAP.match, source.listdir(BLOCK)):
        uuid = (read_optional(source, f"{BLOCK}/{name}/dm/uuid") or b"").strip()
        if uuid.startswith(_UUID):
            yield name, uuid


def _used(source: Source) -> tuple[Mapping[str, bool | None], str]:
    """Whether the kernel uses each path as multipathd says, and why it says nothing."""
    try:
        done = source.run(MULTIPATHD)
        if not done.status:
            return parse_paths(done.stdout), ""
        said = word(done.stderr or done.stdout) or "no message: is multipathd running?"
        why = f"{multipathd.SUBJECT} failed: {said}"
    except (SourceError, ParseError) as error:
        why = str(error)
    return {}, f"paths are known by the states of their devices alone: {why}"


def _works(source: Source, path: str, used: bool | None) -> bool | None:
    """Whether a path works: its device does, and the kernel has not failed it."""
    data = read_optional(source, f"{BLOCK}/{path}/device/state")
    if data is None:
        return used
    return word(data) in _USABLE and used is not False


def read_iscsi_sessions(source: Source, _context: Snapshot) -> IscsiSessions:
    """The sessions. Raises `NotApplicable` and `SourceError`."""
    names = list_optional(source, SESSIONS)
    if names is None:
        raise NotApplicable(f"no iSCSI: no {SESSIONS}")
    found = {}
    for match in filter(None, map(_SESSION.match, names)):
        home = f"{SESSIONS}/{match[0]}"
        state, target = (read_optional(source, f"{home}/{key}") for key in ("state", "targetname"))
        if state is not None and target is not None:  # else it has been logged out
            logged_in = _LOGGED_IN.get(word(state))
            found[match[1]] = IscsiSession(word(target), _portal(source, match[1]), logged_in)
    return IscsiSessions(found)


def _portal(source: Source, session: str) -> str:
    """Where a session was logged in; open-iscsi has one connection for each."""
    home = f"{CONNECTIONS}/connection{session}:0"
    try:
        address, port = (
            word(source.read(f"{home}/persistent_{key}")) for key in ("address", "port")
        )
    except SourceError:
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def read_nfs_repositories(source: Source, _context: Snapshot) -> NfsRepositories:
    """The repositories on NFS. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    mounts = (each for each in parse_mounts(read_mounts(source)) if each.fstype in _NFS)
    if not any(_repository(mount.mount_point) for mount in mounts):
        raise NotApplicable("no storage repository is mounted over NFS")
    found = {}
    for mount in parse_mountstats(_mountstats(source)):
        uuid = _repository(mount.mount_point)
        if uuid is not None:
            repeated = max(0, mount.transmissions - mount.requests)
            found[uuid] = NfsRequests(repeated, mount.timeouts)
    return NfsRepositories(dict(sorted(found.items())))


def _repository(mount_point: bytes) -> str | None:
    return repository_of(mount_point.decode("utf-8", "surrogateescape"))


def _mountstats(source: Source) -> bytes:
    """That of the host's init, as of its mounts."""
    host, own = MOUNTSTATS
    try:
        return source.read(host)
    except SourceError:
        return source.read(own)


MULTIPATH: Final = Probe(
    name="multipath",
    reads=f"where {MODULE} exists: {BLOCK}/dm-*/dm and slaves, {BLOCK}/*/device/state of paths; "
    f"where there is a map: {' '.join(MULTIPATHD)}",
    advice="mount sysfs; check whether multipathd runs: systemctl status multipathd",
    read=read_multipath,
    memory=_Memory({}),
    interval=30.0,
    deadline=15.0,
)
ISCSI_SESSIONS: Final = Probe(
    name="iscsi_sessions",
    reads=f"{SESSIONS}, {CONNECTIONS}",
    advice="mount sysfs",
    read=stateless(read_iscsi_sessions),
    interval=30.0,
)
NFS_REPOSITORIES: Final = Probe(
    name="nfs_repositories",
    reads="/proc/1/mounts, else /proc/mounts; where a storage repository is mounted over NFS, "
    + ", else ".join(MOUNTSTATS),
    advice="run as root; mount procfs",
    read=stateless(read_nfs_repositories),
    interval=30.0,
)
