"""Storage repositories, thin pools and volume groups, read one by one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.probes.support import (
    BARE,
    GUEST,
    FakeHost,
    after,
    denied,
    dom0,
    failure_of,
    missing,
    outcome_of,
    output,
    value_of,
)
from xenwatch.limits.states import Severity, assess
from xenwatch.model.render.mounts import render_mounts
from xenwatch.parse.mounts import Mount
from xenwatch.probes.guest_storage import (
    STATUS,
    STORAGE_REPOSITORIES,
    THIN_MODULE,
    THIN_POOLS,
    VGS,
    VOLUME_GROUPS,
)
from xenwatch.readings.disks import Disks, Transfers, VirtualDisk
from xenwatch.readings.guest_storage import (
    Size,
    StorageRepositories,
    StorageRepository,
    ThinPool,
    ThinPools,
    VolumeGroups,
)
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import CommandOutput, SourceError

SIZE = b"1048576 1000 400 300 0 0\n"
SHOWN = Size(600 << 20, 900 << 20)


def repositories(
    mounts: Mapping[str, str], errors: Mapping[str, SourceError] | None = None
) -> FakeHost:
    """A host with these mount points, each with its type, all of one size."""
    table = [Mount(b"dev", place.encode(), kind.encode(), b"rw") for place, kind in mounts.items()]
    return FakeHost(
        files={"/proc/1/mounts": render_mounts([Mount(b"dev", b"/", b"ext3", b"rw"), *table])},
        sizes=dict.fromkeys(mounts, SIZE),
        errors=errors or {},
    )


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/run/sr-mount/5e1", "nfs4"),
        ("/var/run/sr-mount/5e1", "ext3"),
        ("/run/sr-mount/SMB/server/share/5e1", "cifs"),
    ],
)
def test_a_repository_is_named_by_its_uuid(place: str, kind: str) -> None:
    """The last directory is the UUID, wherever the release and the driver mount repositories."""
    found = value_of(STORAGE_REPOSITORIES, repositories({place: kind}))

    assert found == StorageRepositories({"5e1": StorageRepository(place, kind, SHOWN)})


def test_what_is_no_repository_is_not_read() -> None:
    """Other file systems, those below a repository's name alone and images of CDs are left out."""
    places = {"/media": "nfs", "/run/sr-mount-old/a": "nfs", "/run/sr-mount/b": "iso9660"}
    source = repositories(places)

    assert outcome_of(STORAGE_REPOSITORIES, source).status is Status.NOT_APPLICABLE
    assert not set(places) & set(source.asked)


def test_a_dead_file_server_costs_its_own_repository() -> None:
    """One that hangs has the reason in place of its size, and no limit; the others are read."""
    places = dict.fromkeys(("/run/sr-mount/dead", "/run/sr-mount/well"), "nfs")
    late = {"/run/sr-mount/dead": SourceError("/run/sr-mount/dead", "timed out after 2 s")}

    snapshot = after(STORAGE_REPOSITORIES, repositories(places, late)).snapshot

    assert snapshot.storage_repositories == StorageRepositories(
        {
            "dead": StorageRepository("/run/sr-mount/dead", "nfs", None),
            "well": StorageRepository("/run/sr-mount/well", "nfs", SHOWN),
        },
        "/run/sr-mount/dead: timed out after 2 s",
    )
    outcome = snapshot.outcomes["storage_repositories"]
    assert (outcome.status, outcome.detail) == (
        Status.OK,
        "/run/sr-mount/dead: timed out after 2 s",
    )
    assert [
        (state.instance, state.used)
        for state in assess(snapshot)
        if state.limit.name == "storage_repository"
    ] == [("well", 600 << 20)]


def test_a_repository_without_a_size_is_not_full() -> None:
    """0 of 0 blocks is no size: nothing is said of it but that."""
    source = repositories({"/run/sr-mount/5e1": "fuse"})
    source.sizes = {"/run/sr-mount/5e1": b"4096 0 0 0 0 0\n"}

    found = value_of(STORAGE_REPOSITORIES, source)

    assert found.by_uuid == {"5e1": StorageRepository("/run/sr-mount/5e1", "fuse", None)}
    assert found.fallback == "/run/sr-mount/5e1: reports no size"


POOL = b"qubes_dom0-vm--pool-tpool: 0 2048000 thin-pool 3 10/1000 900/1000 - rw x \n"


def pools(answer: CommandOutput | SourceError, module: bool = True) -> FakeHost:
    """A dom0 whose dmsetup answers so."""
    return dom0(
        directories={THIN_MODULE: ("parameters",)} if module else {},
        commands={} if isinstance(answer, SourceError) else {STATUS: answer},
        errors={STATUS: answer} if isinstance(answer, SourceError) else {},
    )


def test_a_pool_is_named_as_lvm_names_it() -> None:
    """Group and volume name it; blocks are bytes, of data by the pool's length."""
    found = value_of(THIN_POOLS, pools(output(POOL + POOL.replace(b"qubes_dom0-vm--", b"docker-"))))

    pool = ThinPool("rw", Size(900 * 2048 * 512, 1000 * 2048 * 512), Size(40960, 4096000))
    assert found == ThinPools({"qubes_dom0/vm-pool": pool, "docker/pool": pool})


def test_a_pool_that_is_nearly_full_is_critical() -> None:
    """Data of 90 % are critical, and metadata are a limit of their own."""
    snapshot = after(THIN_POOLS, pools(output(POOL))).snapshot
    states = {state.limit.name: state for state in assess(snapshot)}

    assert states["thin_pool_data"].severity is Severity.CRITICAL
    assert states["thin_pool_metadata"].severity is Severity.OK


def test_a_pool_that_has_failed_has_no_size() -> None:
    """Its mode says what it is; no limit looks free."""
    snapshot = after(THIN_POOLS, pools(output(b"docker-8:1-pool: 0 9 thin-pool Fail\n"))).snapshot

    assert snapshot.thin_pools == ThinPools({"docker-8:1-pool": ThinPool("Fail", None, None)})
    assert not [state for state in assess(snapshot) if state.limit.probe == "thin_pools"]


@pytest.mark.parametrize(
    "source",
    [
        pools(output(POOL), module=False),
        pools(missing("/usr/sbin/dmsetup")),
        FakeHost(files=GUEST, directories={THIN_MODULE: ()}),
    ],
    ids=["no module", "no dmsetup", "no dom0"],
)
def test_without_thin_pools_no_program_is_run(source: FakeHost) -> None:
    """A host that cannot have a pool is no failure, and dmsetup is not run in vain."""
    assert outcome_of(THIN_POOLS, source).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (output(b"", 1, b"Device or resource busy\nmore\n"), "status 1: Device or resource busy"),
        (output(b"", 1), "failed with exit status 1: no message"),
        (SourceError("dmsetup", "an earlier run was killed and still hangs"), "still hangs"),
        (output(b"nonsense\n"), "expected name, start, length and thin-pool"),
    ],
)
def test_a_dmsetup_that_fails_is_a_failure(
    answer: CommandOutput | SourceError, reason: str
) -> None:
    """Nothing is said of pools without an answer, and the reason is that of the program."""
    assert reason in failure_of(THIN_POOLS, pools(answer))


GROUPS = b"  VG_XenStorage-5e1|1000|100\n  debian-vg|2000|0\n  root|10|0\n"


def groups(files: Mapping[str, bytes] | None = None, **parts: object) -> FakeHost:
    """A dom0 with a storage repository on LVM, unless it is said otherwise."""
    settings: dict[str, object] = {
        "directories": {"/dev": ("null", "VG_XenStorage-5e1", "root")},
        "commands": {VGS: output(GROUPS)},
    }
    return dom0(files, **(settings | parts))


def disk_on(*storages: str | None) -> Snapshot:
    """What the probe of disks has read: disks on these block devices."""
    none = Transfers(0, 0, None)
    disks = {
        (domid, 1): VirtualDisk("blkback", s, none, none, 0) for domid, s in enumerate(storages)
    }
    return Snapshot(disks=Disks(disks))


def test_the_groups_of_repositories_are_read() -> None:
    """Of the groups of the host those of storage repositories count, and no other."""
    assert value_of(VOLUME_GROUPS, groups()) == VolumeGroups({"VG_XenStorage-5e1": Size(900, 1000)})


DEVICE = {"/sys/block/dm-3/dm/uuid": b"LVM-abc\n", "/sys/block/dm-3/dm/name": b"debian--vg-web\n"}
PLAIN = {"/dev": ("null",), "/sys/block/dm-3/slaves": ("sda3",)}


def test_the_group_of_a_guests_volume_is_read() -> None:
    """A volume that blkback serves names its group."""
    source = groups(DEVICE, directories=PLAIN)
    snapshot = after(VOLUME_GROUPS, source, disk_on("dm-3", "loop0", None, "5e1")).snapshot

    assert snapshot.volume_groups == VolumeGroups({"debian-vg": Size(2000, 2000)})
    (state,) = [state for state in assess(snapshot) if state.limit.name == "volume_group"]
    assert state.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("files", "directories", "storage"),
    [
        ({**DEVICE, "/sys/block/dm-3/dm/uuid": b"mpath-3600\n"}, PLAIN, "dm-3"),
        (
            {**DEVICE, "/sys/block/dm-9/dm/name": b"debian--vg-pool-tpool\n"},
            {**PLAIN, "/sys/block/dm-3/slaves": ("dm-9",)},
            "dm-3",
        ),
        (BARE, PLAIN, "dm-3"),
        (DEVICE, PLAIN, "loop0"),
        (DEVICE, PLAIN, None),
    ],
    ids=["multipath", "thin", "gone", "loop", "unknown"],
)
def test_without_a_group_of_guests_no_program_is_run(
    files: Mapping[str, bytes], directories: Mapping[str, tuple[str, ...]], storage: str | None
) -> None:
    """Disks of another kind, and thin ones, which take of their pool, have no group."""
    source = groups(files, directories=directories)

    outcome = outcome_of(VOLUME_GROUPS, source, disk_on(storage))

    assert outcome.status is Status.NOT_APPLICABLE
    assert VGS not in source.asked


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (output(b"", 3, b"vgs: unrecognized option '--readonly'\n"), "too old"),
        (missing("/usr/sbin/vgs"), "not installed"),
    ],
)
def test_an_lvm_that_cannot_is_no_failure(answer: CommandOutput | SourceError, word: str) -> None:
    """Without LVM's tools, or with old ones, the limit does not apply, and it is said why."""
    given = (
        {"errors": {VGS: answer}}
        if isinstance(answer, SourceError)
        else {"commands": {VGS: answer}}
    )
    outcome = outcome_of(VOLUME_GROUPS, groups(None, **given))

    assert outcome.status is Status.NOT_APPLICABLE
    assert word in outcome.detail


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"commands": {VGS: output(b"", 5, b"  Volume group not found\n")}}, "status 5"),
        ({"errors": {"/dev": denied("/dev")}}, "/dev: Permission denied"),
        ({"commands": {VGS: output(b"nonsense\n")}}, "expected a name, a size"),
    ],
)
def test_a_failing_vgs_is_a_failure(parts: Mapping[str, object], reason: str) -> None:
    """Without an answer nothing is said of groups."""
    assert reason in failure_of(VOLUME_GROUPS, groups(None, **parts))
