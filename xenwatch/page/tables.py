"""Tables that narrow windows show as lists, and that stay tables to screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from xenwatch.page.html import Html, tag
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: text or markup.

    A number is to the right, a heading names its row, `free` text may break within words. What is
    `extra` is left out in narrow windows.
    """

    content: str
    number: bool = False
    heading: bool = False
    free: bool = False
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: its name, where a click on it leads, how it is sorted (`aria-sort`)."""

    name: str
    href: str | None = None
    sorted: str | None = None


def table(
    caption: str,
    header: Sequence[str | Head],
    rows: Sequence[Sequence[Cell]],
    *,
    dense: bool = False,
) -> Html:
    """A table. Roles are spelled out, for a table laid out as a list loses them in browsers.

    A row of a `dense` one is a line in narrow windows.
    """
    numbers = [cell.number for cell in rows[0]] if rows else [False] * len(header)
    columns = [each if isinstance(each, Head) else Head(each) for each in header]
    heads = [
        tag(
            "th",
            column.name if column.href is None else tag("a", column.name, href=column.href),
            scope="col",
            role="columnheader",
            class_="number" if number else None,
            aria_sort=column.sorted,
        )
        for column, number in zip(columns, numbers, strict=True)
    ]
    lines = [
        tag(
            "tr",
            [_cell(column.name, cell) for column, cell in zip(columns, row, strict=True)],
            role="row",
        )
        for row in rows
    ]
    return tag(
        "table",
        tag("caption", caption) if caption else None,
        tag("thead", tag("tr", heads, role="row"), role="rowgroup"),
        tag("tbody", lines, role="rowgroup"),
        role="table",
        class_="dense" if dense else None,
    )


def _cell(name: str, cell: Cell) -> Html:
    flags = {"number": cell.number, "free": cell.free, "extra": cell.extra}
    kind = " ".join(name for name, has in flags.items() if has) or None
    if cell.heading:
        attributes = {"scope": "row", "role": "rowheader"}
        return tag("th", cell.content, data_name=name, class_=kind, **attributes)
    return tag("td", cell.content, data_name=name, class_=kind, role="cell")
