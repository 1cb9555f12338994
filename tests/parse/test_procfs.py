"""Parsers of files of `/proc`: examples of several kernels, and parser against renderer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import LAB
from xenwatch.model.render.interrupts import render_interrupts
from xenwatch.model.render.meminfo import render_meminfo
from xenwatch.model.render.mounts import render_mounts
from xenwatch.model.render.rlimits import render_limits
from xenwatch.parse.errors import ParseError
from xenwatch.parse.interrupts import InterruptRow, Interrupts, parse_interrupts
from xenwatch.parse.meminfo import MeminfoRow, parse_meminfo, sizes
from xenwatch.parse.mounts import Mount, parse_mounts
from xenwatch.parse.rlimits import ResourceLimit, parse_limits, soft_open_files

U64 = st.integers(0, 2**64 - 1)
NAMES = st.from_regex(r"[A-Z][A-Za-z0-9_]{0,19}(\([a-z]{1,8}\))?", fullmatch=True)
REST = st.binary(max_size=40).filter(lambda rest: b"\n" not in rest and rest[:1] != b" ")


@st.composite
def interrupt_tables(draw: st.DrawFn) -> Interrupts:
    """A table of up to four CPUs whose descriptors have short numbers, and named rows."""
    cpus = tuple(range(draw(st.integers(1, 4))))
    counts = st.tuples(*(st.integers(0, 2**32 - 1) for _ in cpus))
    numbers = draw(st.lists(st.integers(0, 999).map(str), unique=True, min_size=1))
    labels = [*numbers, "NMI", "LOC"]
    rows = [InterruptRow(label, draw(counts), b"  " + draw(REST)) for label in labels]
    rows.append(InterruptRow("ERR", (draw(st.integers(0, 9)),), b""))
    return Interrupts(cpus, 3, tuple(rows))


@settings(deadline=None)
@given(st.lists(st.builds(MeminfoRow, NAMES, U64, st.booleans()), min_size=1).map(tuple))
def test_meminfo_survives_its_renderer(rows: tuple[MeminfoRow, ...]) -> None:
    """Rows of any name and size are the same after rendering and parsing."""
    assert parse_meminfo(render_meminfo(rows)) == rows


def test_meminfo_of_a_kernel_with_high_memory() -> None:
    """The low zone of a 32-bit kernel is read, and a count of pages is no size."""
    data = (
        b"MemTotal:         770048 kB\nLowTotal:         739328 kB\nLowFree:           42180 kB\n"
        b"HugePages_Total:       2\nHardwareCorrupted:     0 kB\n"
    )

    rows = parse_meminfo(data)

    assert sizes(rows)["LowFree"] == 42180 * 1024
    assert "HugePages_Total" not in sizes(rows)
    assert render_meminfo(rows) == data


@pytest.mark.parametrize("data", [b"", b"MemTotal: many kB\n", b"MemTotal: 1 MB\n"])
def test_meminfo_that_is_none_is_refused(data: bytes) -> None:
    """An empty file and lines of another form raise `ParseError`."""
    with pytest.raises(ParseError, match="/proc/meminfo"):
        parse_meminfo(data)


BOUNDS = st.none() | U64
LIMIT_NAMES = st.sampled_from(["Max open files", "Max cpu time", "Max nice priority"])


@settings(deadline=None)
@given(
    st.lists(
        st.builds(ResourceLimit, LIMIT_NAMES, BOUNDS, BOUNDS, st.sampled_from(["", "files", "us"]))
    ).map(tuple)
)
def test_limits_survive_their_renderer(rows: tuple[ResourceLimit, ...]) -> None:
    """Rows with any bounds, unlimited too, are the same after rendering and parsing."""
    assert parse_limits(render_limits(rows)) == rows


def test_open_files_of_a_real_daemon() -> None:
    """The soft limit of open files of a real oxenstored is read."""
    rows = parse_limits((LAB / "5-guests/proc/oxenstored.297/limits").read_bytes())

    assert soft_open_files(rows) == 1048576


def test_open_files_without_their_row_is_refused() -> None:
    """Limits without the row of open files raise `ParseError`, not a default."""
    with pytest.raises(ParseError, match="Max open files"):
        soft_open_files(parse_limits(render_limits([])))


def test_unlimited_open_files_are_none() -> None:
    """An unlimited number of open files is `None`, never a number."""
    row = ResourceLimit("Max open files", None, None, "files")

    assert soft_open_files(parse_limits(render_limits([row]))) is None


@settings(deadline=None)
@given(interrupt_tables())
def test_interrupts_survive_their_renderer(table: Interrupts) -> None:
    """A table with any actions is the same after rendering and parsing."""
    assert parse_interrupts(render_interrupts(table)) == table


def test_descriptors_of_a_real_host() -> None:
    """Numbered rows are counted, named ones are not: as grep counts them in the same file."""
    assert parse_interrupts((LAB / "0-guests/proc/interrupts").read_bytes()).descriptors == 31
    assert parse_interrupts((LAB / "5-guests/proc/interrupts").read_bytes()).descriptors == 60


@pytest.mark.parametrize(
    "line",
    [
        b"  1:          9          0   xen-dyn-event     eth0, eth 1",
        b"  1:          9          0   xen-dyn    -event     ",
        b"  1:          9          0   xen-dyn     Edge    -event     vif1.0-q0-tx",
        b"  1:          9          0   xen-dyn-lateeoi     Edge    -event     blkif-backend",
        b"  1:          9          0   Dynamic-irq  xenbus",
        b"  1:          9          0   Phys-irq  uhci_hcd:usb1, 0000:00:1d.7",
        b"  1:          9          0  8259A-edge  2 things",
    ],
)
@pytest.mark.parametrize("header", [b"           CPU0       CPU1       ", b"CPU0 CPU1"])
def test_interrupts_of_other_kernels(header: bytes, line: bytes) -> None:
    """Chips and actions of other kernels, and an unpadded header, cost no row and no count."""
    table = parse_interrupts(header + b"\n" + line + b"\nERR:          0\n")

    assert table.descriptors == 1
    assert table.rows[0].counts == (9, 0)
    assert table.rows[1].counts == (0,)


def test_interrupts_with_wide_labels() -> None:
    """A host with thousands of descriptors has a wider first column, kept by the renderer."""
    data = (
        b"            CPU0       \n"
        b"   1:          9  xen-pirq    -ioapic-edge  i8042\n"
        b"4351:          7  xen-dyn    -event     vif900.0-q0-tx\n"
        b" NMI:          0   Non-maskable interrupts\n"
    )

    assert parse_interrupts(data).descriptors == 2
    assert render_interrupts(parse_interrupts(data)) == data


def test_interrupts_that_are_cut_off_are_refused() -> None:
    """A table whose last line lacks its end raises `ParseError`: rows might be missing."""
    data = (LAB / "5-guests/proc/interrupts").read_bytes()

    with pytest.raises(ParseError, match="/proc/interrupts"):
        parse_interrupts(data[:-5])


FIELDS = st.binary(max_size=12).filter(lambda field: b"\0" not in field)


@settings(deadline=None)
@given(st.lists(st.builds(Mount, FIELDS, FIELDS, FIELDS, FIELDS)).map(tuple))
def test_mounts_survive_their_renderer(mounts: tuple[Mount, ...]) -> None:
    """Mounts named by any bytes, blanks and line ends too, survive rendering and parsing."""
    assert parse_mounts(render_mounts(mounts)) == mounts


def test_mount_points_with_strange_names() -> None:
    """Escapes of a mount point are undone, and a carriage return is part of a name."""
    data = b"/dev/sda1 /mnt/a\\040b\\134c\rd ext4 rw 0 0\n"

    assert parse_mounts(data)[0].mount_point == b"/mnt/a b\\c\rd"


def test_mounts_that_are_cut_off_are_refused() -> None:
    """A file that ends in the middle of a line raises `ParseError`."""
    with pytest.raises(ParseError, match="/proc/mounts"):
        parse_mounts(b"proc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0")
