"""`/proc/sys/fs/file-nr`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.model.render.file_nr import render_file_nr
from xenwatch.parse.errors import ParseError
from xenwatch.parse.file_nr import FileNr, parse_file_nr

numbers = st.integers(0, (1 << 64) - 1)


@given(st.builds(FileNr, numbers, numbers, numbers))
def test_what_is_rendered_is_parsed(found: FileNr) -> None:
    """The renderer and the parser agree on any three numbers."""
    assert parse_file_nr(render_file_nr(found)) == found


def test_the_kernel_of_debian_12() -> None:
    """The line of a Debian 12 host: systemd raises the maximum to what a long holds."""
    assert parse_file_nr(b"1248\t0\t9223372036854775807\n") == FileNr(1248, 0, (1 << 63) - 1)


@pytest.mark.parametrize(
    "data", [b"", b"5\n", b"1\t0\t2", b"1 0 2\n", b"-1\t0\t2\n", b"1\t0\t2\t3\n"]
)
def test_anything_else_is_refused(data: bytes) -> None:
    """Half a line or one of another form is an error that names the file."""
    with pytest.raises(ParseError, match="file-nr"):
        parse_file_nr(data)


@given(st.binary(max_size=64))
def test_nothing_but_parse_errors_comes_out(data: bytes) -> None:
    """Hostile bytes are parsed or refused."""
    try:
        found = parse_file_nr(data)
    except ParseError:
        return
    assert found.max >= 0
