"""Tables of aligned columns for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_WIDTH: Final = 200
"""The widest a column gets for a cell; one that is wider is whole, what follows it not aligned.

Every row is filled up to the widest cell, and names of a stranger are as long as he likes.
"""


def columns(rows: Sequence[Sequence[str]], numbers: int = 3) -> str:
    """Lines of aligned columns; so many after the first are numbers, right-aligned."""
    widths = [min(MOST_WIDTH, max(map(len, column))) for column in zip(*rows, strict=True)]
    return "".join(_line(row, widths, numbers) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], numbers: int) -> str:
    cells = [
        cell.rjust(width) if 1 <= column <= numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip() + "\n"
