"""Maintenance: what a file says of it, and which of several counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.alerts.maintenance import LONGEST_REASON, Maintenance, current, dumps, loads


@given(
    st.builds(
        Maintenance,
        st.floats(0, 1 << 36),
        st.text(st.characters(codec="utf-8"), max_size=LONGEST_REASON),
    )
)
def test_a_file_says_what_was_written(said: Maintenance) -> None:
    """Whatever the reason, reading what was written gives it back."""
    assert loads(dumps(said).encode()) == said


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"7", b"{}", b'{"until": "now"}', b'{"until": true}', b'{"until": -1}'),
        *(b'{"until": 1e99}', b'{"until": NaN}', b'{"until": 5, "reason": 7}', b"[" * 4000),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    """A file that says something else raises, whatever it is."""
    with pytest.raises(ValueError, match=r"\w"):
        loads(data)


def test_the_one_that_ends_last_counts() -> None:
    """Of several the last end counts, and none once it has come."""
    short, long = Maintenance(100.0, "disks"), Maintenance(200.0, "switch")

    assert current([short, long], 50) == current([long, short], 50) == long
    assert current([short, long], 150) == long
    assert current([short, long], 200) is None
    assert str(long) == "in maintenance until 1970-01-01 00:03 UTC: switch"
    assert str(Maintenance(60.0)) == "in maintenance until 1970-01-01 00:01 UTC"
