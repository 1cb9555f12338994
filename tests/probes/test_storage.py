"""blktap by regime, aio, loop devices, file systems."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.captures import LAB_BLKTAP
from tests.probes.support import FakeHost, after, denied, failure_of, outcome_of, value_of
from xenwatch.limits.inodes import LIMIT
from xenwatch.limits.states import Severity, assess
from xenwatch.model.render.mounts import render_mounts
from xenwatch.parse.mounts import Mount
from xenwatch.probes.storage import AIO, BLKTAP, FILE_SYSTEMS, LOOPS, PARTITIONS
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.storage import Aio, Blktap, FileSystem, FileSystems, Loops

CLASS = "/sys/class/blktap2"
IDS = "/run/blktap-control/tapdisk"
CONTROL = "/run/blktap-control"
HEAD = b"major minor  #blocks  name\n\n"
PARAMETERS = "/sys/module/loop/parameters"


def mounts(*points: bytes) -> dict[str, bytes]:
    """A table of these mount points."""
    return {"/proc/mounts": render_mounts(Mount(b"dev", point, b"ext4", b"rw") for point in points)}


@pytest.mark.parametrize(
    ("directories", "reading"),
    [
        (
            {CLASS: ("blktap!blktap0", "blktap!blktap12", "blktap!control", "verbosity")},
            Blktap("minor", 2, None),
        ),
        ({CLASS: ()}, Blktap("minor", 0, None)),
        (
            {CLASS: ("blktap!blktap0",), CONTROL: ("ctl9", "ctl900", "nbd9", "tapdisk")},
            Blktap("minor", 1, 2),
        ),
        (
            {CLASS: ("blktap!blktap0",), CONTROL: ("ctl9", "ctl77", "ctl78")},
            Blktap("minor", 1, 1),
        ),
        ({CLASS: ("blktap!blktap0",), "/var/run/blktap-control": ("ctl9",)}, Blktap("minor", 1, 1)),
        (
            {IDS: ("tapdisk-0", "tapdisk-77", "lock"), CONTROL: ("ctl900", "tapdisk")},
            Blktap("id", 2, 1),
        ),
        ({CLASS: ("blktap!blktap0",), IDS: ("tapdisk-1", "tapdisk-2")}, Blktap("minor", 1, None)),
    ],
)
def test_blktap_by_regime(directories: dict[str, tuple[str, ...]], reading: Blktap) -> None:
    """The kernel driver's minors count where it is, else blktap 4's ids; tapdisks that run."""
    comms = {9: b"tapdisk\n", 900: b"tapdisk\n", 77: b"bash\n"}
    files = {f"/proc/{pid}/comm": comm for pid, comm in comms.items()}

    assert value_of(BLKTAP, FakeHost(files=files, directories=directories)) == reading


def test_a_captured_blktap_4_counts_processes() -> None:
    """Of the sockets that a refused tapdisk left beside those of three none is counted."""
    names = (LAB_BLKTAP / "run-blktap-control").read_text().split()
    ids = (LAB_BLKTAP / "run-blktap-control-tapdisk").read_text().split()
    running = {name.removeprefix("ctl") for name in names if name.startswith("ctl")}
    source = FakeHost(
        files={f"/proc/{pid}/comm": b"tapdisk\n" for pid in running},
        directories={CONTROL: (*names, "ctl18299"), IDS: tuple(ids)},
    )

    assert value_of(BLKTAP, source) == Blktap("id", 3, 3)


def test_a_process_that_cannot_be_read_is_a_failure() -> None:
    """Whether a tapdisk runs that may not be looked at is unknown: it is not left out."""
    source = FakeHost(directories={CLASS: (), CONTROL: ("ctl9",)})
    source.errors = {"/proc/9/comm": denied("/proc/9/comm")}

    assert failure_of(BLKTAP, source) == "/proc/9/comm: Permission denied"


def test_a_host_without_blktap_is_not_applicable() -> None:
    """Debian has no blktap, which is no failure."""
    outcome = outcome_of(BLKTAP, FakeHost())

    assert outcome.status is Status.NOT_APPLICABLE
    assert CLASS in outcome.detail
    assert IDS in outcome.detail


def test_minors_that_cannot_be_listed_are_a_failure() -> None:
    """A directory that is closed is not a host without blktap."""
    assert failure_of(BLKTAP, FakeHost(errors={CLASS: denied(CLASS)})).endswith("denied")


def test_aio_is_two_numbers() -> None:
    """Requests set up may be more than the limit: the kernel's numbers are kept as they are."""
    files = {"/proc/sys/fs/aio-nr": b"131072\n", "/proc/sys/fs/aio-max-nr": b"65536\n"}

    assert value_of(AIO, FakeHost(files=files)) == Aio(131072, 65536)


def test_aio_without_its_limit_is_a_failure() -> None:
    """Half a reading is none."""
    source = FakeHost(files={"/proc/sys/fs/aio-nr": b"5\n"})

    assert "/proc/sys/fs/aio-max-nr: No such file" in failure_of(AIO, source)


@pytest.mark.parametrize(
    ("rows", "used"),
    [
        (b"   7        0     131072 loop0\n   7       12      65536 loop12\n 202  0  9 xvda\n", 2),
        (b" 202        0    8388608 xvda\n 202        1    8387584 xvda1\n", 0),
        (b" 259        0     131072 loop0p1\n   7        0     131072 loop0\n", 1),
        (b"", 0),
    ],
)
def test_loops_in_use_are_those_with_a_size(rows: bytes, used: int) -> None:
    """Loop devices are counted, their partitions and other disks are not."""
    files = {
        PARTITIONS: HEAD + rows,
        f"{PARAMETERS}/max_loop": b"8\n",
        f"{PARAMETERS}/max_part": b"15\n",
    }

    assert value_of(LOOPS, FakeHost(files=files)) == Loops(used, 8, 15)


def test_a_kernel_without_the_module_has_no_parameters() -> None:
    """Where the module is not loaded its parameters are not known."""
    assert value_of(LOOPS, FakeHost(files={PARTITIONS: HEAD})) == Loops(0, None, None)


def test_a_table_of_partitions_that_is_none_is_a_failure() -> None:
    """Nonsense in place of the table is refused, not counted as no loop device."""
    assert PARTITIONS in failure_of(LOOPS, FakeHost(files={PARTITIONS: b"\x00\x01\x02"}))


@pytest.mark.parametrize(
    ("points", "places"),
    [
        ((b"/", b"/proc"), ["/"]),
        ((b"/", b"/var/log"), ["/", "/var/log"]),
        ((b"/", b"/var"), ["/", "/var"]),
        ((b"/", b"/var", b"/var/log"), ["/", "/var/log"]),
        ((b"/", b"/var/log/xen"), ["/"]),
        ((b"/", b"/variable"), ["/"]),
        ((b"rootfs", b"/", b"/"), ["/"]),
    ],
)
def test_the_logs_own_file_system_is_watched(points: tuple[bytes, ...], places: list[str]) -> None:
    """Beside the root that file system is read which holds the logs, if it is another."""
    sizes = dict.fromkeys(places, b"4096 1000 250 200 100 50\n")
    found = value_of(FILE_SYSTEMS, FakeHost(files=mounts(*points), sizes=sizes))

    expected = FileSystem(
        used=750 * 4096, available=200 * 4096, reserved=50 * 4096, inodes_used=50, inodes=100
    )
    assert found == FileSystems(dict.fromkeys(places, expected))


@pytest.mark.parametrize(
    ("free", "available", "reserved"), [(250, 250, 0), (20, 0, 20), (250, 300, 0)]
)
def test_the_reserve_is_what_is_free_for_root_alone(
    free: int, available: int, reserved: int
) -> None:
    """Root's part is what is free less what others may use, and never negative."""
    sizes = {"/": f"1 1000 {free} {available} 100 50\n".encode()}
    found = value_of(FILE_SYSTEMS, FakeHost(files=mounts(b"/"), sizes=sizes))

    assert found.by_mount_point["/"] == FileSystem(1000 - free, available, reserved, 50, 100)


def test_a_root_without_a_free_inode_is_critical() -> None:
    """8 % of the blocks used and no inode free: the file system is full all the same."""
    source = FakeHost(files=mounts(b"/"), sizes={"/": b"4096 2055031 1890142 1781189 524288 0\n"})

    states = {state.limit.name: state for state in assess(after(FILE_SYSTEMS, source).snapshot)}

    assert (states["inodes"].ratio, states["inodes"].severity) == (1, Severity.CRITICAL)
    assert states["file_system"].severity is Severity.OK


def test_a_file_system_without_fixed_inodes_has_no_limit_of_them() -> None:
    """0 of 0 inodes, as btrfs says, is neither full nor free."""
    found = value_of(FILE_SYSTEMS, FakeHost(files=mounts(b"/"), sizes={"/": b"4096 9 5 4 0 0\n"}))

    assert found == FileSystems({"/": FileSystem(4 * 4096, 4 * 4096, 4096)})
    assert LIMIT.used(Snapshot(file_systems=found)) == {}
    assert LIMIT.max(Snapshot(file_systems=found)) == {}


def test_the_mounts_are_those_of_the_host() -> None:
    """In a container it is init's mounts that count, not those of the reader's own namespace."""
    files = {**mounts(b"/"), "/proc/1/mounts": mounts(b"/", b"/var/log")["/proc/mounts"]}
    sizes = dict.fromkeys(("/", "/var/log"), b"4096 1000 250 200 100 50\n")

    assert set(value_of(FILE_SYSTEMS, FakeHost(files=files, sizes=sizes)).by_mount_point) == set(
        sizes
    )


@pytest.mark.parametrize(
    ("files", "sizes"),
    [
        ({}, {"/": b"4096 10 5 4 100 50\n"}),
        ({"/proc/mounts": b"cut off"}, {"/": b"4096 10 5 4 100 50\n"}),
        (mounts(b"/"), {}),
        (mounts(b"/"), {"/": b"4096 10\n"}),
        (mounts(b"/", b"/var/log"), {"/": b"4096 10 5 4 100 50\n"}),
    ],
    ids=["no mounts", "broken mounts", "no root", "broken sizes", "no log"],
)
def test_a_file_system_that_cannot_be_read_is_a_failure(
    files: Mapping[str, bytes], sizes: Mapping[str, bytes]
) -> None:
    """Without mounts or sizes nothing is said of file systems."""
    assert failure_of(FILE_SYSTEMS, FakeHost(files=files, sizes=sizes))
