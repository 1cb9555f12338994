"""Quantities for people."""

from __future__ import annotations

import pytest

from xenwatch.display.quantities import figure, quantity


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "", "-"),
        (1024, "", "1024"),
        (1023, "bytes", "1023"),
        (1024, "bytes", "1.0 KiB"),
        ((1 << 63) - 1, "", "unlimited"),
        (1 << 60, "bytes", "1.0 EiB"),
    ],
)
def test_a_quantity_is_short(value: int | None, unit: str, expected: str) -> None:
    """Bytes are in powers of 1,024, and a count that nothing exhausts is no number."""
    assert quantity(value, unit) == expected


def test_a_figure_has_separators() -> None:
    """Counts on the page are in groups of three digits."""
    assert figure(131071, "") == "131,071"
    assert figure((1 << 63) - 742, "") == "unlimited"
    assert figure(2048, "bytes") == "2.0 KiB"
