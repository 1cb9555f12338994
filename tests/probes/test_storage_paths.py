"""Multipath maps, iSCSI sessions and NFS repositories, read one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests.probes.support import (
    FakeHost,
    after,
    denied,
    failure_of,
    missing,
    outcome_of,
    output,
    value_of,
)
from xenwatch.model.render.mounts import render_mounts
from xenwatch.model.render.mountstats import render_mountstats
from xenwatch.model.render.multipathd import render_paths
from xenwatch.parse.mounts import Mount
from xenwatch.parse.mountstats import NfsMount
from xenwatch.probes.base import Pass
from xenwatch.probes.storage_paths import (
    CONNECTIONS,
    ISCSI_SESSIONS,
    MODULE,
    MOUNTSTATS,
    MULTIPATH,
    MULTIPATHD,
    NFS_REPOSITORIES,
    SESSIONS,
)
from xenwatch.readings.snapshot import Status
from xenwatch.readings.storage_paths import (
    IscsiSession,
    IscsiSessions,
    Multipath,
    MultipathMap,
    NfsRepositories,
    NfsRequests,
)
from xenwatch.sources.base import CommandOutput, SourceError

SILENT = missing(MULTIPATHD[0])


def san(
    states: Mapping[str, str],
    answer: CommandOutput | SourceError | None = None,
    gone: tuple[str, ...] = (),
) -> FakeHost:
    """A host with a map of paths in these states, but for those whose devices are gone.

    Unless there is another answer, multipathd says that all are used.
    """
    paths = tuple(path for path in states if path not in gone)
    if answer is None:
        answer = output(render_paths(dict.fromkeys(paths, True)))
    return FakeHost(
        files={
            "/sys/block/dm-0/dm/uuid": b"LVM-abc\n",
            "/sys/block/dm-1/dm/uuid": b"mpath-3600a\n",
            "/sys/block/dm-1/dm/name": b"mpatha\n",
            "/sys/block/dm-2/dm/uuid": b"part1-mpath-3600a\n",
            **{
                f"/sys/block/{path}/device/state": f"{states[path]}\n".encode()
                for path in paths
                if states[path]
            },
        },
        directories={
            MODULE: ("parameters",),
            "/sys/block": ("dm-0", "dm-1", "dm-2", "dm-3", "loop0", *paths),
            "/sys/block/dm-1/slaves": paths,
        },
        commands={} if isinstance(answer, SourceError) else {MULTIPATHD: answer},
        errors={MULTIPATHD: answer} if isinstance(answer, SourceError) else {},
    )


def paths_of(source: FakeHost, before: Pass | None = None) -> tuple[int, int | None]:
    """Paths of the map, and those that are down."""
    found = value_of(MULTIPATH, source, before)
    assert list(found.maps) == ["mpatha"]
    its: MultipathMap = found.maps["mpatha"]
    return its.paths, its.down


@pytest.mark.parametrize(
    ("states", "used", "expected"),
    [
        (("running", "running"), (True, True), (2, 0)),
        (("running", "offline"), (True, True), (2, 1)),
        (("running", "transport-offline"), (True, False), (2, 1)),
        (("blocked", "running"), (True, True), (2, 1)),
        (("running", "running"), (True, False), (2, 1)),
        (("offline", "running"), (True, False), (2, 2)),
        (("running", "running"), (True, None), (2, 0)),
        (("live", "live"), (True, True), (2, 0)),
        (("", ""), (True, False), (2, 1)),
        (("running", ""), (True, None), (2, None)),
    ],
)
def test_a_path_works_if_its_device_does_and_the_kernel_has_not_failed_it(
    states: tuple[str, str], used: tuple[bool | None, ...], expected: tuple[int, int | None]
) -> None:
    """What neither the device nor multipathd tells is unknown; other devices are no maps."""
    answer = output(render_paths(dict(zip(("sda", "sdb"), used, strict=True))))

    assert paths_of(san(dict(zip(("sda", "sdb"), states, strict=True)), answer)) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (SILENT, "No such file or directory"),
        (output(b"", 1, b"ERROR: failed to connect to multipathd\n"), "failed to connect"),
        (output(b"", 1), "is multipathd running?"),
        (output(b"timeout receiving packet\n", 1), "timeout receiving packet"),
        (output(b"timeout\n"), "expected the header"),
    ],
    ids=["not installed", "not running", "0.9.4, not running", "busy", "old and busy"],
)
def test_without_multipathd_devices_tell(answer: CommandOutput | SourceError, why: str) -> None:
    """A path whose device is offline is down whoever is asked, and the outcome says who was not."""
    source = san({"sda": "running", "sdb": "offline"}, answer)
    snapshot = after(MULTIPATH, source).snapshot

    assert snapshot.multipath is not None
    assert snapshot.multipath.maps == {"mpatha": MultipathMap(2, 1)}
    assert why in snapshot.outcomes["multipath"].detail
    assert "by the states of their devices alone" in snapshot.outcomes["multipath"].detail


def test_a_path_whose_device_is_gone_is_down() -> None:
    """The kernel removes a device that was away for long, and multipathd takes it from its map."""
    states = {"sda": "running", "sdb": "running", "sdc": "running", "sdd": "running"}
    whole = after(MULTIPATH, san(states))
    part = after(MULTIPATH, san(states, gone=("sdb", "sdc")), whole)
    none = after(MULTIPATH, san(states, gone=tuple(states)), part)

    assert paths_of(san(states, gone=("sdb",)), whole) == (4, 1)
    assert paths_of(san(states, gone=("sdb", "sdc")), part) == (4, 2)
    assert paths_of(san(states, gone=tuple(states)), none) == (4, 4)
    assert paths_of(san(states), none) == (4, 0)


def test_a_path_that_comes_back_under_another_name_is_no_path_more() -> None:
    """For a moment the map has the old device, offline, and the new one: two paths as before."""
    whole = after(MULTIPATH, san({"sda": "running", "sdb": "running"}))
    both = after(MULTIPATH, san({"sda": "running", "sdb": "offline", "sdc": "running"}), whole)

    assert paths_of(san({"sda": "running", "sdc": "running"}), both) == (2, 0)


def test_a_map_is_known_by_its_uuid() -> None:
    """Another LUN under the same name expects nothing of the first; a map that is gone is over."""
    whole = after(MULTIPATH, san({"sda": "running", "sdb": "running"}))
    other = san({"sda": "running"})
    other = dataclasses.replace(
        other, files={**other.files, "/sys/block/dm-1/dm/uuid": b"mpath-3600b\n"}
    )
    away = san({"sda": "running"})
    away = dataclasses.replace(
        away, directories={**away.directories, "/sys/block": ("dm-0", "sda")}
    )
    forgotten = after(MULTIPATH, away, whole)

    assert paths_of(other, whole) == (1, 0)
    assert forgotten.snapshot.multipath == Multipath({})
    assert paths_of(san({"sda": "running"}), forgotten) == (1, 0)


def test_no_map_no_question() -> None:
    """multipathd is asked where there is a map alone, and nothing is read without the module."""
    source = FakeHost(directories={MODULE: (), "/sys/block": ("sda", "loop0")})
    nothing = FakeHost()

    assert value_of(MULTIPATH, source) == Multipath({})
    assert MULTIPATHD not in source.asked
    assert outcome_of(MULTIPATH, nothing).status is Status.NOT_APPLICABLE
    assert nothing.asked == [MODULE]


def test_maps_that_cannot_be_read_are_no_maps_without_paths() -> None:
    """What sysfs refuses is a failure."""
    source = san({"sda": "running"})
    source.errors = {"/sys/block/sda/device/state": denied("/sys/block/sda/device/state")}

    assert "Permission denied" in failure_of(MULTIPATH, source)


def sessions(**states: str) -> FakeHost:
    """A host with these sessions, each with a portal of its own."""
    files: dict[str, bytes] = {}
    for name, state in states.items():
        number = name.removeprefix("session")
        home = f"{CONNECTIONS}/connection{number}:0"
        files |= {
            f"{SESSIONS}/{name}/state": f"{state}\n".encode(),
            f"{SESSIONS}/{name}/targetname": b"iqn.a\n",
            f"{home}/persistent_address": f"192.0.2.{number}\n".encode(),
            f"{home}/persistent_port": b"3260\n",
        }
    return FakeHost(files=files, directories={SESSIONS: (*states, "session99", "other")})


@pytest.mark.parametrize(
    ("state", "logged_in"),
    [("LOGGED_IN", True), ("FAILED", False), ("FREE", False), ("(null)", None)],
)
def test_a_session_is_logged_in_or_not(state: str, logged_in: bool | None) -> None:
    """One that has just been logged out is left out, a state that is new is unknown."""
    found = value_of(ISCSI_SESSIONS, sessions(session7=state))

    assert found == IscsiSessions({"7": IscsiSession("iqn.a", "192.0.2.7:3260", logged_in)})


def test_a_portal_may_have_an_address_of_ipv6_or_none() -> None:
    """An address with colons stands in brackets; without a connection there is none."""
    source = sessions(session7="LOGGED_IN", session8="FAILED")
    home = f"{CONNECTIONS}/connection"
    source.files = {
        **source.files,
        f"{home}7:0/persistent_address": b"2001:db8::1\n",
    }
    source.errors = {f"{home}8:0/persistent_address": denied(home)}

    found = value_of(ISCSI_SESSIONS, source)

    portals = {number: each.portal for number, each in found.sessions.items()}
    assert portals == {"7": "[2001:db8::1]:3260", "8": ""}


def test_hosts_without_iscsi_have_no_sessions() -> None:
    """Where the kernel's initiator is loaded and unused there are none, elsewhere none are read."""
    assert value_of(ISCSI_SESSIONS, FakeHost(directories={SESSIONS: ()})) == IscsiSessions({})
    assert outcome_of(ISCSI_SESSIONS, FakeHost()).status is Status.NOT_APPLICABLE


NFS = {
    "/run/sr-mount/5e1": NfsMount(b"/run/sr-mount/5e1", 100, 107, 3),
    "/mnt/other": NfsMount(b"/mnt/other", 1, 9, 9),
}


def mounted(*places: tuple[str, bytes], path: str = MOUNTSTATS[0]) -> FakeHost:
    """A host with these mount points, each with its type; those of `NFS` count requests."""
    mounts = [Mount(b"srv:/a", place.encode(), fstype, b"rw") for place, fstype in places]
    counted = {each.mount_point: each for each in NFS.values()}
    return FakeHost(
        files={"/proc/1/mounts": render_mounts(mounts), path: render_mountstats(mounts, counted)}
    )


@pytest.mark.parametrize("path", MOUNTSTATS)
@pytest.mark.parametrize("fstype", [b"nfs", b"nfs4"])
def test_repositories_on_nfs_count_requests(path: str, fstype: bytes) -> None:
    """By the repository's UUID, from the host's mounts or the daemon's own; others are left out."""
    source = mounted(*((place, fstype) for place in NFS), path=path)

    assert value_of(NFS_REPOSITORIES, source) == NfsRepositories({"5e1": NfsRequests(7, 3)})


def test_hosts_without_repositories_on_nfs_count_none() -> None:
    """Neither other NFS mounts nor repositories of another kind: statistics are not read."""
    source = mounted(("/mnt/other", b"nfs"), ("/run/sr-mount/5e2", b"ext3"))

    assert outcome_of(NFS_REPOSITORIES, source).status is Status.NOT_APPLICABLE
    assert not set(MOUNTSTATS) & set(source.asked)


def test_statistics_that_cannot_be_read_are_no_requests() -> None:
    """A file in another form is a failure."""
    source = mounted(("/run/sr-mount/5e1", b"nfs"))
    source.files = {**source.files, MOUNTSTATS[0]: b"x\n"}

    assert "expected a mount" in failure_of(NFS_REPOSITORIES, source)
