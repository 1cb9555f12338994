"""Tables that narrow windows show as lists, and that stay tables to screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xenwatch.page.html import Html, tag


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: text or markup.

    A number is to the right, a heading names its row, `free` text may break within words.
    """

    content: str
    number: bool = False
    heading: bool = False
    free: bool = False


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Html:
    """A table. Roles are spelled out, for a table laid out as a list loses them in browsers."""
    numbers = [cell.number for cell in rows[0]] if rows else [False] * len(header)
    heads = [
        tag("th", name, scope="col", role="columnheader", class_="number" if number else None)
        for name, number in zip(header, numbers, strict=True)
    ]
    lines = [
        tag("tr", [_cell(name, cell) for name, cell in zip(header, row, strict=True)], role="row")
        for row in rows
    ]
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", heads, role="row"), role="rowgroup"),
        tag("tbody", lines, role="rowgroup"),
        role="table",
    )


def _cell(name: str, cell: Cell) -> Html:
    kind = "number" if cell.number else "free" if cell.free else None
    if cell.heading:
        attributes = {"scope": "row", "role": "rowheader"}
        return tag("th", cell.content, data_name=name, class_=kind, **attributes)
    return tag("td", cell.content, data_name=name, class_=kind, role="cell")
