"""Formats quantities for display."""

from __future__ import annotations


def quantity(value: int | None, unit: str) -> str:
    """A quantity as text: bytes in powers of 1,024, counts in full, `-` for `None`."""
    if value is None:
        return "-"
    if unit != "bytes" or value < 1024:
        return str(value)
    power = min((value.bit_length() - 1) // 10, 6)
    if round(value / 1024**power, 1) >= 1024 and power < 6:
        power += 1
    return f"{value / 1024**power:.1f} {' KMGTPE'[power]}iB"


def figure(value: int | None, unit: str) -> str:
    """A quantity as shown on the page: counts with thousands separators."""
    return quantity(value, unit) if unit or value is None else f"{value:,}"
