"""What is on the screen of `xenwatch top`, and what keys make of it: a function of values."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Final

from xenwatch.terminal.table import Column, Row, Sort
from xenwatch.terminal.views import VIEWS
from xenwatch.values import dataclass

SHORTEST: Final = 0.1
LONGEST: Final = 600.0
"""Seconds between two updates."""
LONGEST_TEXT: Final = 200
"""Characters that are taken of what is typed."""


class Page(enum.Enum):
    """What fills the screen."""

    TABLE = "table"
    DETAIL = "detail"
    HELP = "help"


class Prompt(enum.Enum):
    """What is asked for in the last line, as it begins."""

    FILTER = "filter"
    INTERVAL = "seconds between updates"
    TIME = "time, such as 03:12 or -15m"


class Do(enum.Enum):
    """What a key asks of the feed that takes the readings."""

    QUIT = "quit"
    UPDATE = "update"
    EARLIER = "earlier"
    LATER = "later"
    GO_TO = "go to"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done, of `GO_TO` with the time that was typed."""

    do: Do
    text: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What has been chosen.

    `sorts` is by name of view, `selected` the key of the row that the cursor follows, `place` its
    number and `top` that of the first row shown. `subject` is what the detail is of, `scroll` the
    first line of it or of the help. `message` is said until the next key.
    """

    interval: float = 5.0
    view: int = 0
    page: Page = Page.TABLE
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    filter: str = ""
    selected: str | None = None
    place: int = 0
    top: int = 0
    subject: tuple[str, str] | None = None
    scroll: int = 0
    prompt: Prompt | None = None
    typed: str = ""
    paused: bool = False
    message: str = ""

    @property
    def sort(self) -> Sort:
        """How the rows of the view are sorted."""
        return self.sorts.get(VIEWS[self.view].name, Sort())


@dataclass(frozen=True, slots=True)
class Shown:
    """What a key is pressed at: columns and rows, how many of them fit, and lines of a text."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    body: int
    lines: int = 0


def settled(state: State, rows: Sequence[Row], body: int) -> State:
    """The state with a cursor that is on a row, the one it follows if that is still there."""
    place = state.place
    if state.selected is not None:
        place = next((n for n, row in enumerate(rows) if row.key == state.selected), place)
    place = max(0, min(place, len(rows) - 1))
    body = max(1, body)
    top = max(place - body + 1, min(state.top, place, max(0, len(rows) - body)))
    return dataclasses.replace(state, place=place, top=top)


def press(state: State, key: str, shown: Shown) -> tuple[State, Action | None]:
    """The state after a key, named as urwid names it, and what it asks for.

    What a click is on has keys too: `view 2`, `sort NAME`, `row 5`.
    """
    if state.prompt is not None:
        return _type(state, key)
    state = dataclasses.replace(state, message="")
    if key in _DO and not (state.page is not Page.TABLE and key in _LEAVE):
        return state, Action(_DO[key])
    changed = _anywhere(state, key)
    if changed is None:
        changed = (_table if state.page is Page.TABLE else _text)(state, key, shown)
    return changed, None


def _anywhere(state: State, key: str) -> State | None:
    """What a key does on every page; `None` for others."""
    if key in {"h", "?", "f1"}:
        page = Page.TABLE if state.page is Page.HELP else Page.HELP
        return dataclasses.replace(state, page=page, scroll=0)
    if key in {" ", "p"}:
        return dataclasses.replace(state, paused=not state.paused)
    if key in _PROMPTS:
        typed = state.filter if _PROMPTS[key] is Prompt.FILTER else ""
        return dataclasses.replace(state, prompt=_PROMPTS[key], typed=typed)
    view = _view(state, key)
    return None if view is None else _at(state, view)


_DO: Final = {
    **dict.fromkeys(("q", "Q", "f10"), Do.QUIT),
    **dict.fromkeys(("left", "T"), Do.EARLIER),
    **dict.fromkeys(("right", "t"), Do.LATER),
    "l": Do.NEWEST,
    "ctrl l": Do.UPDATE,
}
_LEAVE: Final = ("q", "esc", "enter", "backspace")
"""Keys that lead from a text back to the table."""
_PROMPTS: Final = {
    **dict.fromkeys(("/", "f4"), Prompt.FILTER),
    **dict.fromkeys(("d", "s"), Prompt.INTERVAL),
    "b": Prompt.TIME,
}


def _view(state: State, key: str) -> int | None:
    """The number of the view that a key leads to."""
    word, _, number = key.rpartition(" ")
    if word in {"", "view"} and number.isdecimal() and 1 <= int(number) <= len(VIEWS):
        return int(number) - 1
    steps = {"tab": 1, "shift tab": -1}
    return (state.view + steps[key]) % len(VIEWS) if key in steps else None


def _at(state: State, view: int) -> State:
    return dataclasses.replace(
        state, view=view, page=Page.TABLE, selected=None, place=0, top=0, scroll=0
    )


def _type(state: State, key: str) -> tuple[State, Action | None]:
    """A key of a line that is typed; what is filtered for is seen at once."""
    if key == "enter":
        return _entered(state)
    if key == "esc":
        cleared = "" if state.prompt is Prompt.FILTER else state.filter
        return dataclasses.replace(state, prompt=None, typed="", filter=cleared), None
    typed = state.typed
    if key == "backspace":
        typed = typed[:-1]
    elif key == "ctrl u":
        typed = ""
    elif len(key) == 1 and key.isprintable():
        typed = (typed + key)[:LONGEST_TEXT]
    state = dataclasses.replace(state, typed=typed)
    return (_filtered(state, typed) if state.prompt is Prompt.FILTER else state), None


def _filtered(state: State, text: str) -> State:
    return dataclasses.replace(state, filter=text, selected=None, place=0, top=0)


def _entered(state: State) -> tuple[State, Action | None]:
    done = dataclasses.replace(state, prompt=None, typed="")
    text = state.typed.strip()
    if state.prompt is Prompt.TIME and text:
        return done, Action(Do.GO_TO, text)
    if state.prompt is Prompt.INTERVAL and text:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not SHORTEST <= seconds <= LONGEST:
            message = f"must be a number of seconds between {SHORTEST:g} and {LONGEST:g}"
            return dataclasses.replace(done, message=message), None
        return dataclasses.replace(done, interval=seconds), None
    return done, None


def _table(state: State, key: str, shown: Shown) -> State:
    """A key at the table."""
    if key == "esc":
        return _filtered(state, "")
    if key in {"<", ">"} or key.startswith("sort "):
        return _sorted(state, key, shown.columns)
    if key in {"r", "R"}:
        return _with_sort(state, dataclasses.replace(state.sort, reverse=not state.sort.reverse))
    return _row(state, key, shown) if shown.rows else state


def _row(state: State, key: str, shown: Shown) -> State:
    """A key that moves the cursor, or is about the row that it is on."""
    last = len(shown.rows) - 1
    place, clicked = state.place, key.startswith("row ")
    if clicked and key[4:].isdecimal():
        place = int(key[4:])
    elif key in _MOVES:
        place = _MOVES[key](place, shown.body, last)
    place = max(0, min(place, last))
    row = shown.rows[place]
    if key == "enter" or (clicked and state.selected == row.key):  # on the cursor
        return dataclasses.replace(state, page=Page.DETAIL, subject=row.subject, scroll=0)
    if place == state.place and not clicked:
        return state
    moved = dataclasses.replace(state, place=place, selected=row.key)
    return settled(moved, shown.rows, shown.body)


_MOVES: Final[Mapping[str, Callable[[int, int, int], int]]] = {
    **dict.fromkeys(("up", "k"), lambda place, _body, _last: place - 1),
    **dict.fromkeys(("down", "j"), lambda place, _body, _last: place + 1),
    "wheel up": lambda place, _body, _last: place - 3,
    "wheel down": lambda place, _body, _last: place + 3,
    **dict.fromkeys(("page up", "ctrl b"), lambda place, body, _last: place - max(1, body - 1)),
    **dict.fromkeys(("page down", "ctrl f"), lambda place, body, _last: place + max(1, body - 1)),
    **dict.fromkeys(("home", "g"), lambda _place, _body, _last: 0),
    **dict.fromkeys(("end", "G"), lambda _place, _body, last: last),
}
"""From the place of the cursor, the rows that fit and the last one to its new place."""


def _text(state: State, key: str, shown: Shown) -> State:
    """A key at the help or a detail, which are read as a text."""
    if key in _LEAVE:
        return dataclasses.replace(state, page=Page.TABLE, scroll=0)
    move = _MOVES.get(key)
    if move is None:
        return state
    last = max(0, shown.lines - shown.body)
    return dataclasses.replace(
        state, scroll=max(0, min(move(state.scroll, shown.body, last), last))
    )


def _sorted(state: State, key: str, columns: Sequence[Column]) -> State:
    """Sorted by the next column, or by the one that was clicked; again is the other way round."""
    names = ["", *(column.name for column in columns if column.title)]
    if key.startswith("sort "):
        name = key.removeprefix("sort ")
        if name not in names:
            return state
        reverse = name == state.sort.column and not state.sort.reverse
        return _with_sort(state, Sort(name, reverse))
    now = names.index(state.sort.column) if state.sort.column in names else 0
    step = 1 if key == ">" else -1
    return _with_sort(state, Sort(names[(now + step) % len(names)]))


def _with_sort(state: State, sort: Sort) -> State:
    return dataclasses.replace(state, sorts={**state.sorts, VIEWS[state.view].name: sort})
