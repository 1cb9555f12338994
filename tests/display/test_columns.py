"""Tables of aligned columns."""

from __future__ import annotations

from xenwatch.display.columns import columns


def test_columns_are_aligned() -> None:
    """Names left, numbers right, no blanks at the end."""
    assert columns([("A", "N", "B"), ("long", "10", "x")], 1) == "A      N  B\nlong  10  x\n"


def test_a_wide_cell_does_not_widen_every_row() -> None:
    """A name of a stranger is whole, and the other rows have as much as fits in a terminal."""
    name = "x" * 100_000
    found = columns([(name, "1"), *[("y", "2")] * 200])

    assert name in found
    assert len(found) < 2 * len(name)
