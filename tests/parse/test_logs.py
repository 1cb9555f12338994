"""Records of the kernel log, and the console ring of Xen."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import CAPTURES, RECORDED
from xenwatch.model.console import ConsoleRing
from xenwatch.model.render.kernel_log import LogLine, render_kmsg
from xenwatch.model.render.xen_console import render_line, render_readconsole
from xenwatch.parse.domaininfo import ARM_LAYOUTS, X86_LAYOUTS, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.parse.kmsg import KmsgRecord, parse_kmsg
from xenwatch.parse.xen_console import (
    TEXT_MAX,
    ConsoleText,
    own_lines,
    parse_readconsole,
    readconsole_call,
)

CALL = readconsole_call(X86_LAYOUTS[4, 17], 0)
PRINTED = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "))
LINES = st.lists(st.builds(LogLine, st.integers(0, 10**15), PRINTED))


@settings(deadline=None)
@given(LINES, st.integers(0, 5))
def test_records_survive_their_renderer(lines: list[LogLine], first: int) -> None:
    """Number, time and text of a record come back, from any record on."""
    found = parse_kmsg(render_kmsg(lines, first))

    assert found == tuple(
        KmsgRecord(number, line.time / 1_000_000, True, line.text)
        for number, line in enumerate(lines)
        if number >= first
    )


def test_records_of_a_real_host() -> None:
    """Every record of a captured log is found, properties of devices are none, no number lacks."""
    for host in RECORDED:
        path = host / "capture/files/dev/kmsg"
        if not path.exists():
            continue
        log = path.read_bytes()
        records = parse_kmsg(log)

        assert len(records) == sum(not line.startswith(b" ") for line in log.splitlines())
        assert [record.number for record in records] == list(range(len(records)))
        assert "Linux version 6.1" in records[0].text
        assert {record.own for record in records} == {True, False}


def test_what_a_program_writes_is_not_the_kernels_own() -> None:
    """A record with a facility was written to /dev/kmsg by a program (devkmsg_write)."""
    log = b"4,7,1500000,-;table full\n12,8,1500001,-;table full\n SUBSYSTEM=x\n"

    assert [record.own for record in parse_kmsg(log)] == [True, False]


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_a_log(data: bytes) -> None:
    """What is no record is passed over, and never an error."""
    assert all(record.number >= 0 for record in parse_kmsg(data))
    assert all(line.startswith("(XEN)") for line in own_lines(data))


@settings(deadline=None)
@given(st.binary(max_size=TEXT_MAX), st.integers(0, (1 << 32) - 1))
def test_text_of_the_ring_survives_its_renderer(text: bytes, index: int) -> None:
    """Any text and index come back from the block made of them."""
    found = ConsoleText(text, index)

    assert parse_readconsole(render_readconsole(CALL.block, found)) == found


@pytest.mark.parametrize("layout", [X86_LAYOUTS[4, 1], X86_LAYOUTS[4, 22], ARM_LAYOUTS[4, 17]])
def test_the_call_never_clears_the_ring(layout: Layout) -> None:
    """Incremental from the index on, no clear, the pointer at its place (sysctl.h)."""
    call = readconsole_call(layout, 0x12345678)

    command, _, clear, incremental, index, pointer, count = struct.unpack_from(
        "<IIBBxxIQI", call.block
    )
    assert (call.number, command, clear, incremental) == (35, 1, 0, 1)
    assert (index, pointer, count) == (0x12345678, 0, TEXT_MAX)
    assert call.links == ((16, len(call.block) - TEXT_MAX),)


@pytest.mark.parametrize(
    "block", [b"", CALL.block[:-1], struct.pack("<24xI", TEXT_MAX + 1).ljust(len(CALL.block))]
)
def test_a_block_of_another_form_is_refused(block: bytes) -> None:
    """Of another size, or with more text than there was room for."""
    with pytest.raises(ParseError, match="XEN_SYSCTL_readconsole"):
        parse_readconsole(block)


def test_lines_are_those_of_xen_itself() -> None:
    """No guest, and not dom0, can print a line that counts as one of Xen."""
    text = b"(XEN) one\n(d3) (XEN) two\n[    1.0] (XEN) three\n(XEN) [2026-11-28 10:00:00] four\r\n"

    assert own_lines(text) == ("(XEN) one", "(XEN) [2026-11-28 10:00:00] four")


def test_lines_of_a_real_console() -> None:
    """A captured ring has lines of Xen."""
    text = (CAPTURES[1] / "debug-key-g").read_bytes()

    assert len(own_lines(text)) == sum(line.startswith(b"(XEN)") for line in text.splitlines()) > 9


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")))), st.integers(1, 40))
def test_a_ring_is_read_on_from_where_it_was_left(texts: list[str], count: int) -> None:
    """Whatever is printed, the pieces read one after another are all of it, each byte once."""
    ring = ConsoleRing(1 << 20)
    index, found = 0, b""
    for text in texts:
        ring.put(render_line(text))
        while True:
            piece = ring.read(index, count)
            index = piece.index
            found += piece.text
            if not piece.text:
                break

    assert found == b"".join(map(render_line, texts)) == ring.text
    assert index == len(found)


def test_a_ring_that_was_overwritten_begins_with_its_oldest_byte() -> None:
    """What is gone is skipped: the index tells how much."""
    ring = ConsoleRing(8)
    ring.put(b"0123456789abcdef")

    assert ring.read(2, 100) == ConsoleText(b"89abcdef", 16)
    assert ring.read(12, 2) == ConsoleText(b"cd", 14)
    assert ring.read(16, 100) == ConsoleText(b"", 16)
