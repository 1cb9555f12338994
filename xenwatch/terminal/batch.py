"""What `xenwatch top --batch` prints of a look: text for people and scripts, or JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from xenwatch.display.columns import MOST_WIDTH
from xenwatch.display.text import printable
from xenwatch.fence import OPEN, Fence
from xenwatch.terminal.looks import Look
from xenwatch.terminal.table import GAP, Sort, Table, cells, fitted, shown
from xenwatch.terminal.views import View


def text(look: Look, view: View, sort: Sort, wanted: str, fence: Fence = OPEN) -> str:
    """A view as text, every column whole, below the notices and the time."""
    status, table = look.status, view.table(look, plain=True, fence=fence)
    at = datetime.fromtimestamp(status.time, UTC)
    name = f"xenwatch {printable(status.hostname)}".rstrip()
    lines = [
        *map(printable, status.notices),
        f"{name}  {at:%Y-%m-%d %H:%M:%S} UTC  {printable(status.host)}".rstrip(),
        *(table.above if view.name != "limits" else ()),
    ]
    rows = shown(table, sort, wanted, folded=True)
    if rows:
        columns = [number for number, column in enumerate(table.columns) if column.title]
        heads = [table.columns[number].title for number in columns]
        texts = [[row.cells[number].text for number in columns] for row in rows]
        lines += _aligned([heads, *texts], [table.columns[number].number for number in columns])
    elif table.rows:
        lines.append(f"no row has {printable(wanted)}")
    else:
        lines.append(table.why)
    return "\n".join(lines) + "\n"


def document(
    look: Look, views: Sequence[View], sort: Sort, wanted: str, fence: Fence = OPEN
) -> str:
    """Views as JSON on one line: `time`, `hostname`, `source`, `notices`, and the views by name.

    A view is an array of rows, each with its values by name of column; null is unknown.
    """
    status = look.status
    found: dict[str, object] = {
        "time": status.time,
        "hostname": status.hostname,
        "source": dataclasses.asdict(status.source),
        "notices": status.notices,
    }
    for view in views:
        table = view.table(look, plain=True, fence=fence)
        known = table.known and table.columns
        found[view.name] = _rows(table, sort, wanted) if known else None
    return json.dumps(found, separators=(",", ":")) + "\n"


def _rows(table: Table, sort: Sort, wanted: str) -> list[dict[str, object]]:
    return [
        {
            column.name: cell.value
            for column, cell in zip(table.columns, row.cells, strict=True)
            if column.title
        }
        for row in shown(table, sort, wanted, folded=True)
    ]


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    widths = [min(MOST_WIDTH, max(map(cells, column))) for column in zip(*rows, strict=True)]
    return [
        (" " * GAP)
        .join(
            fitted(cell, max(width, cells(cell)), right=number)
            for cell, width, number in zip(row, widths, right, strict=True)
        )
        .rstrip()
        for row in rows
    ]
