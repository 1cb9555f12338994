"""`/proc/partitions` and its renderer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.partitions import render_partitions
from xenwatch.parse.errors import ParseError
from xenwatch.parse.partitions import Partition, parse_partitions

REAL = (
    b"major minor  #blocks  name\n\n 254        0   12582912 vda\n   7        0      16384 loop0\n"
    b"   7        1      16384 loop1\n  11        0    1048575 sr0\n"
)

numbers = st.integers(0, 1 << 40)
names = st.from_regex(r"[a-z][a-z0-9!]{0,20}", fullmatch=True)


def test_a_real_file_survives_parser_and_renderer() -> None:
    """What Debian 12's dom0 printed is what the renderer makes of its parsed rows."""
    assert render_partitions(parse_partitions(REAL)) == REAL


def test_loop_devices_with_a_size_are_listed() -> None:
    """A loop device with a backing file is a row."""
    names = [row.name for row in parse_partitions(REAL)]

    assert names == ["vda", "loop0", "loop1", "sr0"]


@settings(deadline=None)
@given(st.lists(st.builds(Partition, numbers, numbers, numbers, names)))
def test_any_rows_survive_renderer_and_parser(rows: list[Partition]) -> None:
    """Rows come back from the file made of them."""
    assert parse_partitions(render_partitions(rows)) == tuple(rows)


@settings(deadline=None)
@given(st.binary())
def test_rubbish_is_refused_by_name(data: bytes) -> None:
    """Anything but the kernel's format is refused, naming the file."""
    with pytest.raises(ParseError, match="/proc/partitions"):
        parse_partitions(b"x" + data)


@pytest.mark.parametrize(
    "data", [b"", b"7 0 1 loop0\n", b"major minor  #blocks  name\n\n   7    0"]
)
def test_partitions_without_header_or_end_are_refused(data: bytes) -> None:
    """A file without its header, or whose last line lacks its end, raises `ParseError`."""
    with pytest.raises(ParseError, match="/proc/partitions"):
        parse_partitions(data)
