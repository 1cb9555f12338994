"""Tables of a terminal: cells with the values they are sorted by, filtered and fitted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from xenwatch.values import dataclass

Value = str | int | float | bool | None
ABSENT: Final = "-"
"""What stands in place of a value that is not known."""
GAP: Final = 2
"""Blanks between two columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is that of its values in JSON, `title` its head in a terminal.

    `keep` is how long it stays where there is no room: columns with the least go first. `most` is
    the widest it gets unless there is room left over.
    `low` is whether the least of its values come first when it is sorted by, `bar` whether its
    values are ratios that are drawn.
    """

    name: str
    title: str
    keep: int = 5
    most: int = 24
    number: bool = True
    low: bool = False
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, the value that it is sorted by and that JSON has, and a style."""

    text: str
    value: Value
    style: str = ""


UNKNOWN: Final = Cell(ABSENT, None)


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `subject` is what it is about: its kind, and what distinguishes it in that kind.

    `key` distinguishes it from the others of its table. One that is `folded` is shown where the
    rows are sorted or filtered.
    """

    subject: tuple[str, str]
    key: str
    cells: tuple[Cell, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in their natural order, which `order` names.

    `above` are lines that stand above them. `why` is why there are no rows, if there are none;
    nothing is known of them unless they are `known`.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    order: str
    above: tuple[str, ...] = ()
    why: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class Sort:
    """The column to sort by, empty for the natural order, and whether the other way round."""

    column: str = ""
    reverse: bool = False


def shown(table: Table, sort: Sort, text: str = "", *, folded: bool = False) -> tuple[Row, ...]:
    """The rows with `text` in one of their cells, whatever its case, sorted.

    Rows without a value come last, either way. With `folded` those are among them in any case.
    """
    wanted, number = text.casefold(), index(table.columns, sort.column)
    rows = [
        row
        for row in table.rows
        if any(wanted in cell.text.casefold() for cell in row.cells)
        and (folded or bool(text) or number is not None or not row.folded)
    ]
    if number is None:
        return tuple(reversed(rows) if sort.reverse else rows)
    known = [row for row in rows if row.cells[number].value is not None]
    unknown = [row for row in rows if row.cells[number].value is None]
    down = table.columns[number].low == sort.reverse
    known.sort(key=lambda row: _rank(row.cells[number].value), reverse=down)
    return (*known, *unknown)


def index(columns: Sequence[Column], name: str) -> int | None:
    """The number of a column by its name."""
    return next((number for number, each in enumerate(columns) if each.name == name), None)


def widths(table: Table, rows: Sequence[Row], width: int) -> list[tuple[int, int]]:
    """The columns that fit into so many cells of a terminal, by number, each with its width."""
    whole = [
        max(cells(column.title) + 1, *(cells(row.cells[number].text) for row in rows))
        if rows
        else cells(column.title) + 1
        for number, column in enumerate(table.columns)
    ]
    wanted = {
        number: max(cells(column.title) + 1, min(whole[number], column.most))
        for number, column in enumerate(table.columns)
    }
    while len(wanted) > 1 and sum(wanted.values()) + GAP * (len(wanted) - 1) > width:
        del wanted[min(wanted, key=lambda number: (table.columns[number].keep, -number))]
    free = width - sum(wanted.values()) - GAP * (len(wanted) - 1)
    for number, size in wanted.items():  # what was cut gets its room back, from the left
        more = max(0, min(free, whole[number] - size))
        wanted[number] = size + more
        free -= more
    return [(number, min(size, width)) for number, size in wanted.items()]


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def fitted(text: str, width: int, *, right: bool = False, more: str = "") -> str:
    """The text in exactly so many cells, cut or filled up; `more` marks where it was cut."""
    if cells(text) > width:
        room, kept = width - cells(more), ""
        if room < 0:
            room, more = width, ""
        for char in text:
            room -= _cells(char)
            if room < 0:
                break
            kept += char
        text = kept + more
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _rank(value: Value) -> tuple[int, float, str]:
    return (1, 0.0, value.casefold()) if isinstance(value, str) else (0, float(value or 0), "")
