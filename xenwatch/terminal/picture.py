"""The picture of `xenwatch top`: the lines of a terminal, and what a click does where."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from xenwatch.fence import OPEN, Fence
from xenwatch.terminal import detail
from xenwatch.terminal.figures import bar
from xenwatch.terminal.header import header
from xenwatch.terminal.lines import BOLD, CHOSEN, CURSOR, DIM, HEAD, Line, Piece, fit, line
from xenwatch.terminal.looks import Look
from xenwatch.terminal.state import Page, Shown, State, settled
from xenwatch.terminal.table import GAP, Row, Sort, Table, cells, fitted, index, shown, widths
from xenwatch.terminal.views import VIEWS
from xenwatch.values import dataclass

LEAST: Final = 5
"""Rows of a table for which the lines above it make room."""
KEYS: Final = "q quits  h help  / filter  < > sort  enter detail  space pause"


@dataclass(frozen=True, slots=True)
class Zone:
    """Cells of a line where a click is the key of that name."""

    line: int
    left: int
    right: int
    key: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The lines, as many as the terminal has, the zones, and the settled state it shows."""

    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    state: State
    shown: Shown

    def key_at(self, column: int, row: int) -> str | None:
        """The key that a click there is, if it is one."""
        for zone in self.zones:
            if zone.line == row and zone.left <= column < zone.right:
                return zone.key
        return None


@dataclass(frozen=True, slots=True)
class _Frame:
    """The lines above what is drawn, the one below, and the room. `more` marks what was cut."""

    width: int
    height: int
    top: tuple[Line, ...]
    zones: tuple[Zone, ...]
    foot: Line
    more: str

    def around(self, body: Sequence[Line], foot: Line) -> tuple[Line, ...]:
        """The whole picture, with as much of the body as there is room for."""
        lines = [*self.top, *body][: self.height - 1]
        lines += [line()] * (self.height - 1 - len(lines))
        return tuple(fit(each, self.width, self.more) for each in (*lines, foot))


def picture(
    state: State,
    look: Look | None,
    size: tuple[int, int],
    note: Line,
    *,
    plain: bool = False,
    fence: Fence = OPEN,
) -> Picture:
    """The picture for a terminal of that many columns and lines; `note` is said at its end.

    `plain` keeps to ASCII. In the place of what raises within `fence` it says so.
    """
    width, height = max(1, size[0]), max(1, size[1])
    frame = _Frame(width, height, (), (), _foot(state, note, width), "~" if plain else "…")
    if look is None:
        return Picture(frame.around((), frame.foot), (), state, Shown((), (), 1))
    view = VIEWS[state.view]
    table = view.table(look, plain=plain, fence=fence)
    is_table = state.page is Page.TABLE
    below = table.above if is_table else ()
    above = header(look, width, height, alerts=view.name == "limits", fence=fence)
    top = [each for _, each in _room(above, height - LEAST - len(below) - (3 if is_table else 2))]
    tabs, zones = _tabs(state, len(top))
    top += [tabs, *(line((DIM, each)) for each in below)]
    zones = tuple(zone for zone in zones if zone.line < height - 1)
    frame = dataclasses.replace(frame, top=tuple(top), zones=zones)
    return _rows(state, table, frame) if is_table else _text(state, look, frame, note, fence)


def _room(above: Sequence[tuple[int, Line]], room: int) -> list[tuple[int, Line]]:
    """The lines for which there is room; a notice stays whatever there is."""
    kept = list(above)
    while len(kept) > max(0, room) and min(rank for rank, _ in kept) < 10:
        least = min(rank for rank, _ in kept)
        number = max(number for number, (rank, _) in enumerate(kept) if rank == least)
        del kept[number]
    return kept


def _tabs(state: State, number: int) -> tuple[Line, tuple[Zone, ...]]:
    pieces, zones, left = [], [], 0
    for place, view in enumerate(VIEWS):
        text = f" {place + 1} {view.title} "
        chosen = place == state.view
        pieces.append((CHOSEN if chosen else DIM, f"[{text[1:-1]}]" if chosen else text))
        zones.append(Zone(number, left, left + len(text), f"view {place + 1}"))
        left += len(text)
    return tuple(pieces), tuple(zones)


def _foot(state: State, note: Line, width: int) -> Line:
    if state.prompt is not None:
        typed = fitted(state.typed, min(cells(state.typed), max(1, width - 40)))
        return line((BOLD, f"{state.prompt.value}: "), typed, (CURSOR, " "), (DIM, "  enter, esc"))
    if state.message:
        return line((BOLD, state.message))
    return note or line((DIM, f"{KEYS}  every {state.interval:g} s"))


def _rows(state: State, table: Table, frame: _Frame) -> Picture:
    rows = shown(table, state.sort, state.filter)
    body = max(1, frame.height - len(frame.top) - 2)
    state = settled(state, rows, body)
    fit_into = widths(table, rows, frame.width)
    head, sorts = _column_heads(table, fit_into, state.sort, len(frame.top), frame.more)
    numbers = range(state.top, min(state.top + body, len(rows)))
    lines = [_row(rows[n], table, fit_into, frame, cursor=n == state.place) for n in numbers]
    zones = [
        Zone(len(frame.top) + 1 + at, 0, frame.width, f"row {n}") for at, n in enumerate(numbers)
    ]
    if not rows:
        filtered = f"no row has {state.filter!r}; esc clears the filter"
        lines.append(line(filtered if state.filter and table.rows else table.why))
    found = frame.around([head, *lines], _counted(state, rows, frame.foot))
    zones = [zone for zone in (*frame.zones, *sorts, *zones) if zone.line < frame.height - 1]
    return Picture(found, tuple(zones), state, Shown(table.columns, rows, body))


def _counted(state: State, rows: Sequence[Row], foot: Line) -> Line:
    """The last line, with the place of the cursor and the filter in front."""
    if state.prompt is not None:
        return foot
    place = f"{state.place + 1}/{len(rows)}" if rows else "0/0"
    known = f"{place} filter: {state.filter}" if state.filter else place
    paused = (BOLD, " PAUSED") if state.paused else ("", "")
    return line((BOLD if state.filter else DIM, known), paused, "  ", *foot)


def _column_heads(
    table: Table, fit_into: Sequence[tuple[int, int]], sort: Sort, number: int, more: str
) -> tuple[Line, list[Zone]]:
    pieces: list[Piece] = []
    zones, left = [], 0
    chosen = index(table.columns, sort.column)
    for place, (which, size) in enumerate(fit_into):
        column = table.columns[which]
        mark = ("v" if column.low == sort.reverse else "^") if which == chosen else ""
        gap = " " * GAP if place else ""
        text = fitted(f"{column.title}{mark}", size, right=column.number, more=more)
        pieces += [(HEAD, gap), (CHOSEN if mark else HEAD, text)]
        if column.title:
            zones.append(Zone(number, left, left + len(gap) + size, f"sort {column.name}"))
        left += len(gap) + size
    return tuple(pieces), zones


def _row(
    row: Row, table: Table, fit_into: Sequence[tuple[int, int]], frame: _Frame, *, cursor: bool
) -> Line:
    pieces: list[Piece] = []
    for place, (number, size) in enumerate(fit_into):
        cell, column = row.cells[number], table.columns[number]
        text = fitted(cell.text, size, right=column.number, more=frame.more)
        if column.bar:
            ratio = cell.value if isinstance(cell.value, int | float) else None
            text = bar(ratio, size, plain=frame.more == "~")
        pieces += [("", " " * GAP if place else ""), (cell.style, text)]
    found = fit(tuple(pieces), frame.width, frame.more)
    # The cursor is the whole line, to its end.
    return tuple((CURSOR, text) for _, text in found) if cursor else found


def _text(state: State, look: Look, frame: _Frame, note: Line, fence: Fence) -> Picture:
    """The help, or the detail of a row."""
    if state.page is Page.HELP:
        text = detail.help_lines(frame.width)
    else:
        text = detail.detail(state.subject or ("", ""), look, frame.width, fence)
    body = max(1, frame.height - len(frame.top) - 1)
    state = dataclasses.replace(state, scroll=max(0, min(state.scroll, len(text) - body)))
    rest, foot = len(text) - state.scroll - body, frame.foot
    if state.prompt is None and not state.message:
        more = f"{rest} more lines  " if rest > 0 else ""
        foot = line((DIM, f"{more}esc goes back"), "  ", *note)
    lines = frame.around(text[state.scroll : state.scroll + body], foot)
    return Picture(lines, frame.zones, state, Shown((), (), body, len(text)))
