"""Values as cells of a table: a value that is not known is a dash, and never 0."""

from __future__ import annotations

from typing import Final

from xenwatch.display.quantities import INEXHAUSTIBLE, figure, quantity
from xenwatch.display.text import printable
from xenwatch.limits.states import Severity
from xenwatch.terminal.table import UNKNOWN, Cell

BAR: Final = 20
"""Cells of a bar where there is room."""
OK, WARNING, CRITICAL, UNKNOWN_STATE = (severity.value for severity in Severity)
"""The states of a limit are styles too."""


def word(value: str | None, style: str = "") -> Cell:
    """A word or a name, which may be untrusted."""
    return UNKNOWN if value is None else Cell(printable(value), value, style)


def count(value: int | None, style: str = "") -> Cell:
    """A number of things."""
    return UNKNOWN if value is None else Cell(figure(value, ""), value, style)


def size(value: int | None, unit: str = "bytes") -> Cell:
    """Bytes, or a number of things where `unit` is empty; what nothing exhausts has no value."""
    if value is None:
        return UNKNOWN
    return Cell(figure(value, unit), value if value < INEXHAUSTIBLE else None)


def speed(value: float | None) -> Cell:
    """Bytes a second, rounded."""
    return UNKNOWN if value is None else Cell(quantity(round(value), "bytes"), value)


def rate(value: float | None, style: str = "") -> Cell:
    """Events a second; one decimal below ten, so that few are not shown as none."""
    if value is None:
        return UNKNOWN
    text = f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"
    return Cell("<0.1" if text == "0.0" else text, value, style)


def percent(ratio: float | None, style: str = "") -> Cell:
    """A part of a whole; of CPUs one that is all in use is 100."""
    if ratio is None:
        return UNKNOWN
    return Cell(f"{ratio * 100:.1f}%", round(ratio * 100, 3), style)


def milliseconds(seconds: float | None) -> Cell:
    """A time that an answer took."""
    return UNKNOWN if seconds is None else Cell(f"{seconds * 1000:.1f}", round(seconds * 1000, 4))


def span(seconds: float | None, style: str = "") -> Cell:
    """A time, in its two largest units: `3 d 4 h`."""
    if seconds is None:
        return UNKNOWN
    left, parts = max(0, round(seconds)), []
    for name, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number:
            parts.append(f"{number} {name}")
    return Cell(" ".join(parts[:2]) or "0 s", round(seconds, 3), style)


def bar(ratio: float | None, width: int, *, plain: bool) -> str:
    """A bar; what is unknown is no empty one, nor is what is hardly used. `plain`: in ASCII."""
    if ratio is None:
        return "?" * width
    full = max(min(width, round(ratio * width)), 1 if ratio > 0 else 0)
    on, off = "#." if plain else "█░"
    return on * full + off * (width - full)


def disk(device: int) -> str:
    """The name of a virtual disk by its number (xen-vbd-interface(7)): 51712 is xvda."""
    if device >> 28 == 1:
        number, partition = (device & 0xFFFFFFF) >> 8, device & 0xFF
    elif device >> 8 == 202:
        number, partition = (device & 0xFF) >> 4, device & 0xF
    else:
        return str(device)
    letters = ""
    while number >= 0:
        letters = chr(ord("a") + number % 26) + letters
        number = number // 26 - 1
    return f"xvd{letters}{partition or ''}"
