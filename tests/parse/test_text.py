"""Parsers of small text files and of a source's own lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import LAB
from xenwatch.model.render.kernel_log import boot_lines, render_dmesg, render_kmsg
from xenwatch.model.render.text import (
    render_assignments,
    render_loadavg,
    render_number,
    render_statvfs,
    render_timex,
    render_uname,
    render_word,
)
from xenwatch.parse.errors import ParseError
from xenwatch.parse.kernel_log import KernelLog, parse_kernel_log
from xenwatch.parse.statvfs import Statvfs, parse_statvfs
from xenwatch.parse.text import assignments, loadavg_tasks, number, uname, version_pair, word
from xenwatch.parse.timex import Timex, parse_timex

PLAIN = st.from_regex(r"[!-~]+( [!-~]+)*", fullmatch=True)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.integers(-(2**63), 2**64 - 1))
def test_a_number_survives_its_renderer(value: int) -> None:
    """Any number of 64 bits is the same after rendering and parsing."""
    assert number("a number", render_number(value), signed=True) == value


@pytest.mark.parametrize("data", [b"", b"\n", b"1 2\n", b"0x10\n", b"max\n", b"-\n", b"-1\n"])
def test_what_is_no_number_is_refused(data: bytes) -> None:
    """Anything but one decimal number raises `ParseError` that names the file."""
    with pytest.raises(ParseError, match="aio-nr"):
        number("/proc/sys/fs/aio-nr", data)


@settings(deadline=None)
@given(PLAIN)
def test_a_word_survives_its_renderer(text: str) -> None:
    """A line of text is the same after rendering and parsing."""
    assert word(render_word(text)) == text


@settings(deadline=None)
@given(st.tuples(PLAIN, PLAIN, PLAIN, PLAIN))
def test_uname_survives_its_renderer(fields: tuple[str, str, str, str]) -> None:
    """The four fields are the same after rendering and parsing."""
    assert uname(render_uname(fields)) == fields


def test_uname_with_too_few_fields_is_refused() -> None:
    """Three fields raise `ParseError`."""
    with pytest.raises(ParseError, match="uname"):
        uname(b"Linux\x006.1\x00#1\x00")


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 2**22), st.integers(1, 2**22))
def test_tasks_survive_their_renderer(running: int, tasks: int, last: int) -> None:
    """The number of tasks is the one behind the slash, whatever the others are."""
    data = render_loadavg(("0.00", "12.34", "567.89"), running, tasks, last)

    assert loadavg_tasks(data) == tasks


def test_tasks_of_a_real_host() -> None:
    """A real host's number of tasks is read."""
    assert loadavg_tasks((LAB / "5-guests/proc/loadavg").read_bytes()) == 118


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("6.1.0-56-amd64", (6, 1)),
        ("4.19.0+1", (4, 19)),
        ("2.6.32.43-0.4.1.xs1.8.0.853.170791xen", (2, 6)),
        ("5.15", (5, 15)),
        ("unknown", None),
        ("6", None),
    ],
)
def test_kernel_versions(text: str, pair: tuple[int, int] | None) -> None:
    """Major and minor begin the releases of every kernel a dom0 has had."""
    assert version_pair(text) == pair


@settings(deadline=None)
@given(st.builds(Statvfs, U32, U32, U32, U32, U64, U64))
def test_statvfs_survives_its_renderer(numbers: Statvfs) -> None:
    """Six numbers of a file system are the same after rendering and parsing."""
    bavail, bfree, blocks = sorted((numbers.bavail, numbers.bfree, numbers.blocks))
    ffree, files = sorted((numbers.ffree, numbers.files))
    numbers = Statvfs(numbers.frsize, blocks, bfree, bavail, files, ffree)
    assert parse_statvfs("/", render_statvfs(numbers)) == numbers


@pytest.mark.parametrize(
    "data", [b"4096 9 10 9 9 9\n", b"4096 9 9 10 9 9\n", b"4096 9 9 9 9 18446744073709551615\n"]
)
def test_more_free_than_there_is_is_refused(data: bytes) -> None:
    """What a file system uses is unknown then, and not less than nothing."""
    with pytest.raises(ParseError, match="/: more free than there are"):
        parse_statvfs("/", data)


def test_a_size_that_no_file_system_has_is_refused() -> None:
    """More than 16 EiB are refused; 16 EiB are not."""
    with pytest.raises(ParseError, match="/: larger than 16 EiB"):
        parse_statvfs("/", b"4096 4503599627370497 0 0 9 9\n")
    assert parse_statvfs("/", b"4096 4503599627370496 0 0 9 9\n").frsize == 4096


@pytest.mark.parametrize("data", [b"", b"4096 1 2 3 4\n", b"4096 1 2 3 4 5 6\n", b"a b c d e f\n"])
def test_statvfs_of_other_lines_is_refused(data: bytes) -> None:
    """Anything but six numbers raises `ParseError` that names the file system."""
    with pytest.raises(ParseError, match="/var/log"):
        parse_statvfs("/var/log", data)


@given(st.builds(Timex, st.integers(0, 10**19), st.integers(0, 10**19)))
def test_timex_survives_its_renderer(timex: Timex) -> None:
    """The two numbers come back from the line of them."""
    assert parse_timex(render_timex(timex)) == timex


@pytest.mark.parametrize("data", [b"", b"1\n", b"1 2", b"1 -2\n", b"1 2 3\n", b"1 2\n\n"])
def test_timex_of_other_lines_is_refused(data: bytes) -> None:
    """Anything but two numbers raises `ParseError` that names the call."""
    with pytest.raises(ParseError, match="adjtimex"):
        parse_timex(data)


def test_assignments_of_both_kinds() -> None:
    """os-release quotes with double quotes, the inventory with single ones, some not at all."""
    release = b'# a comment\nID=debian\nVERSION_ID="12"\nNAME="Debian GNU/Linux"\nbroken line\n'
    inventory = b"PRODUCT_BRAND='XCP-ng'\nPRODUCT_VERSION='8.3.0'\nUNCLOSED='8\n"

    assert assignments(release) == {"ID": "debian", "VERSION_ID": "12", "NAME": "Debian GNU/Linux"}
    assert assignments(inventory) == {"PRODUCT_BRAND": "XCP-ng", "PRODUCT_VERSION": "8.3.0"}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z_]{0,9}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9 ./:+-]*", fullmatch=True),
    ),
    st.sampled_from("\"'"),
)
def test_assignments_survive_their_renderer(values: dict[str, str], quote: str) -> None:
    """Values of the characters release files hold survive rendering and parsing."""
    assert assignments(render_assignments(values, quote)) == values


FACTS = st.builds(
    KernelLog, st.none() | st.booleans(), st.none() | st.integers(1, 2**31), st.booleans()
)


@settings(deadline=None)
@given(FACTS)
def test_facts_of_the_boot_survive_their_renderer(facts: KernelLog) -> None:
    """What the boot said is read from dmesg's text and from the records of /dev/kmsg alike."""
    lines = boot_lines("6.1.0-56-amd64", facts)

    assert parse_kernel_log(render_dmesg(lines)) == facts
    assert parse_kernel_log(render_kmsg(lines)) == facts


def test_the_boot_of_a_real_host() -> None:
    """A real host's log says FIFO, its NR_IRQS, and that it is complete."""
    log = parse_kernel_log((LAB / "5-guests/dmesg").read_bytes())

    assert log == KernelLog(fifo=True, nr_irqs=524544, complete=True)


def test_a_log_that_lost_its_beginning() -> None:
    """A log whose first lines are gone says nothing of the ABI and that it is not complete."""
    log = parse_kernel_log((LAB / "5-guests/dmesg").read_bytes()[20_000:])

    assert log == KernelLog(fifo=None, nr_irqs=None, complete=False)
