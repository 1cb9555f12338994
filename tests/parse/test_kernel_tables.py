"""Tables of the kernel: neighbours and keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.key_users import render_key_users
from xenwatch.model.render.neighbours import render_neighbours
from xenwatch.parse.errors import ParseError
from xenwatch.parse.key_users import KeyUser, parse_key_users
from xenwatch.parse.neighbours import parse_neighbours

COUNTS = st.integers(0, 2**31 - 2)
USERS = st.lists(st.builds(KeyUser, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)).map(tuple)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_neighbours_survive_their_renderer(entries: int, cpus: int) -> None:
    """On any number of CPUs the entries are the table's."""
    assert parse_neighbours("arp_cache", render_neighbours(entries, cpus)) == entries


def test_neighbours_of_an_older_kernel() -> None:
    """Linux before 4.1 has one column less and two spaces between some."""
    data = (
        b"entries  allocs destroys hash_grows  lookups\n0000003e  0000010f 000000d1 00000002  0\n"
    )

    assert parse_neighbours("arp_cache", data) == 62


@pytest.mark.parametrize("data", [b"", b"entries  allocs\n", b"entries  allocs\nxyz \n", b"7 8\n"])
def test_other_tables_of_neighbours_are_refused(data: bytes) -> None:
    """Without heading and numbers nothing is known."""
    with pytest.raises(ParseError, match="arp_cache"):
        parse_neighbours("arp_cache", data)


@settings(deadline=None)
@given(USERS)
def test_key_users_survive_their_renderer(users: tuple[KeyUser, ...]) -> None:
    """Users with any keys and quotas are the same after rendering and parsing."""
    assert parse_key_users(render_key_users(users)) == users


def test_key_users_of_a_linux_host() -> None:
    """Keys and bytes that count against the quota are read, not those that do not."""
    data = b"    0:     9 8/8 3/1000000 40/25000000\n 1000:     2 2/2 1/200 9/20000\n"

    assert parse_key_users(data) == (
        KeyUser(0, 3, 1000000, 40, 25000000),
        KeyUser(1000, 1, 200, 9, 20000),
    )


@pytest.mark.parametrize("data", [b"0\n", b"    0:     9 8/8 3/1000000\n", b"x: 9 8/8 3/1 4/1\n"])
def test_other_key_users_are_refused(data: bytes) -> None:
    """Rows of another form are errors that name the file."""
    with pytest.raises(ParseError, match="/proc/key-users"):
        parse_key_users(data)
