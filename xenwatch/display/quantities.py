"""Formats quantities for display."""

from __future__ import annotations

from typing import Final

INEXHAUSTIBLE: Final = 1 << 60
"""Units, or bytes, that nothing exhausts: since systemd 240 `fs.file-max` is 2^63 - 1."""


def quantity(value: int | None, unit: str) -> str:
    """A quantity as text: bytes in powers of 1,024, counts in full, `-` for `None`."""
    if value is None:
        return "-"
    if unit != "bytes" and value >= INEXHAUSTIBLE:
        return "unlimited"
    if unit != "bytes" or value < 1024:
        return str(value)
    power = min((value.bit_length() - 1) // 10, 6)
    if round(value / 1024**power, 1) >= 1024 and power < 6:
        power += 1
    return f"{value / 1024**power:.1f} {' KMGTPE'[power]}iB"


def figure(value: int | None, unit: str) -> str:
    """A quantity as shown on the page: counts with thousands separators."""
    counted = value is not None and not unit and value < INEXHAUSTIBLE
    return f"{value:,}" if counted else quantity(value, unit)
