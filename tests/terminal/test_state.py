"""What keys do."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.page.test_page import GUEST
from tests.terminal.support import drawn, look, text, view
from xenwatch.terminal.looks import Look
from xenwatch.terminal.state import Action, Do, Page, Prompt, State, press
from xenwatch.terminal.table import Sort, cells
from xenwatch.terminal.views import VIEWS

MANY = look(
    domains=tuple(
        dataclasses.replace(GUEST, domid=n, name=f"vm-{n:03}", event_channels=1000 - n)
        for n in range(1, 101)
    )
)
FEW = look(domains=(MANY.status.domains or ())[:7])
DOMAINS = State(view=view("domains"))
KEYS = [
    *"12345679 hjklgGrqRpT?tbdsQ/<>x0é",
    *("enter", "esc", "backspace", "tab", "shift tab", "up", "down", "page up", "page down"),
    *("home", "end", "left", "right", "f1", "f4", "f10", "ctrl l", "ctrl u", "wheel up"),
    *("wheel down", "row 3", "row 9999", "row x", "sort name", "sort gone", "view 3", "view 99"),
]


def pressed(state: State, *keys: str, of: Look = MANY) -> State:
    """The state after keys, each pressed at the picture of a terminal of 80 by 24."""
    for key in keys:
        picture = drawn(of, state)
        state, _ = press(picture.state, key, picture.shown)
    return drawn(of, state).state


def asked(state: State, *keys: str) -> Action | None:
    """What the last key asks for."""
    state = pressed(state, *keys[:-1])
    return press(state, keys[-1], drawn(MANY, state).shown)[1]


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_number_is_a_view(number: int) -> None:
    """1 is the first view; Tab leads on to the next, and from the last to the first."""
    assert pressed(State(), str(number + 1)).view == number
    assert pressed(State(view=number), "tab").view == (number + 1) % len(VIEWS)
    assert pressed(State(view=number), "tab", "shift tab").view == number


def test_the_cursor_moves_and_the_rows_with_it() -> None:
    """It ends at the first and the last row, and is always among those that are shown."""
    state = pressed(DOMAINS, "end")
    picture = drawn(MANY, state)

    assert state.place == 99
    assert any("vm-100" in text(line) for line in picture.lines)
    assert pressed(state, "down").place == 99
    assert pressed(state, "home", "up").place == 0
    assert pressed(DOMAINS, "page down", "page down").place == 2 * (picture.shown.body - 1)
    assert pressed(DOMAINS, "j", "j", "k").place == 1


def test_the_cursor_follows_its_row() -> None:
    """Once it was moved it stays with the row, wherever new readings put that."""
    state = pressed(DOMAINS, "down", "down")
    row = state.selected
    turned = pressed(state, "r")

    assert row == "3"
    assert turned.place == 97
    gone = look(domains=tuple(d for d in MANY.status.domains or () if d.domid != 3))
    assert drawn(gone, state).state.place == 2


def test_until_it_is_moved_it_stays_on_top() -> None:
    """Of a view that was just opened the first rows are shown, however they change."""
    assert pressed(DOMAINS, "r").place == 0


def test_sorting_goes_from_column_to_column() -> None:
    """`>` and `<` choose the column on the right and on the left, r turns the order round."""
    state = pressed(DOMAINS, ">")

    assert state.sort == Sort("domid")
    assert pressed(state, ">").sort == Sort("name")
    assert pressed(state, "<").sort == Sort()
    assert pressed(state, "r").sort == Sort("domid", reverse=True)
    assert pressed(DOMAINS, "<").sort.column == "uuid"


def test_each_view_has_its_own_order() -> None:
    """Sorting one leaves the others as they are."""
    state = pressed(DOMAINS, ">", "tab")

    assert state.sort == Sort()
    assert pressed(state, "shift tab").sort == Sort("domid")


def test_a_filter_is_seen_while_it_is_typed() -> None:
    """Rows without the text disappear; Enter keeps the filter, Escape ends it."""
    state = pressed(DOMAINS, "/", *"vm-00")

    assert state.prompt is Prompt.FILTER
    assert len(drawn(MANY, state).shown.rows) == 9
    kept = pressed(state, "7", "backspace", "enter")
    assert (kept.prompt, kept.filter) == (None, "vm-00")
    assert pressed(kept, "esc").filter == ""
    assert pressed(state, "esc").filter == ""


def test_what_is_typed_is_no_command() -> None:
    """q in a filter is a letter."""
    assert asked(DOMAINS, "/", "q") is None
    assert pressed(DOMAINS, "/", "q", " ", "1").typed == "q 1"


def test_enter_shows_all_of_a_row_and_leads_back() -> None:
    """The detail is of the row under the cursor; Escape, q and Enter leave it."""
    state = pressed(DOMAINS, "down", "enter")

    assert (state.page, state.subject) == (Page.DETAIL, ("domain", "2"))
    for key in ("esc", "q", "enter", "backspace"):
        assert pressed(state, key).page is Page.TABLE
    assert asked(state, "Q") == Action(Do.QUIT)


def test_help_is_a_key_away_and_scrolls() -> None:
    """h, ? and F1 show the help from every page, and leave it again."""
    for key in ("h", "?", "f1"):
        state = pressed(DOMAINS, key)
        assert state.page is Page.HELP
        assert pressed(state, key).page is Page.TABLE
    assert pressed(DOMAINS, "h", "end").scroll > 0
    assert pressed(DOMAINS, "h", "end", "home").scroll == 0


@pytest.mark.parametrize(
    ("key", "action"),
    [
        *((key, Do.QUIT) for key in ("q", "Q", "f10")),
        *((key, Do.EARLIER) for key in ("left", "T")),
        *((key, Do.LATER) for key in ("right", "t")),
        ("l", Do.NEWEST),
        ("ctrl l", Do.UPDATE),
    ],
)
def test_some_keys_ask_for_readings(key: str, action: Do) -> None:
    """Quit, step through the record, back to now."""
    assert asked(DOMAINS, key) == Action(action)


def test_a_time_is_gone_to() -> None:
    """b asks for a time, as atop does; without one nothing happens."""
    assert asked(DOMAINS, "b", *"03:12", "enter") == Action(Do.GO_TO, "03:12")
    assert asked(DOMAINS, "b", "enter") is None


def test_the_interval_is_a_number_within_bounds() -> None:
    """d and s ask for seconds; what is none is refused in words."""
    assert pressed(DOMAINS, "d", *"2.5", "enter").interval == 2.5
    for typed in ("0", "1e9", "nan", "x"):
        refused = pressed(DOMAINS, "s", *typed, "enter")
        assert refused.interval == 5.0
        assert refused.message == "must be a number of seconds between 0.1 and 600"
    assert pressed(DOMAINS, "s", "x", "enter", "down").message == ""


def test_space_pauses() -> None:
    """And again goes on; the last line says so."""
    state = pressed(DOMAINS, " ")

    assert state.paused
    assert "PAUSED" in text(drawn(MANY, state).lines[-1])
    assert not pressed(state, " ").paused


def test_clicks_are_keys() -> None:
    """On a view, on the head of a column, on a row, and once more on that row."""
    picture = drawn(MANY, DOMAINS)
    heads = next(n for n, each in enumerate(picture.lines) if "DOMID" in text(each))
    tabs = next(n for n, each in enumerate(picture.lines) if "1 limits" in text(each))

    assert picture.key_at(2, tabs) == "view 1"
    assert picture.key_at(text(picture.lines[heads]).index("NAME"), heads) == "sort name"
    assert picture.key_at(5, heads + 3) == "row 2"
    assert picture.key_at(5, 0) is None
    once = pressed(DOMAINS, "row 2")
    assert (once.selected, once.page) == ("3", Page.TABLE)
    assert pressed(once, "row 2").subject == ("domain", "3")
    assert pressed(DOMAINS, "sort name", "sort name").sort == Sort("name", reverse=True)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(KEYS), max_size=10),
    st.integers(1, 210),
    st.integers(1, 60),
    st.booleans(),
)
def test_no_keys_break_the_picture(keys: list[str], width: int, height: int, plain: bool) -> None:
    """Whatever is pressed at whatever size, the terminal is filled, and the cursor is on a row."""
    state = State()
    for key in keys:
        picture = drawn(FEW, state, width, height, plain=plain)
        state, _ = press(picture.state, key, picture.shown)
    picture = drawn(FEW, state, width, height, plain=plain)

    assert len(picture.lines) == height
    assert {sum(cells(piece) for _, piece in line) for line in picture.lines} == {width}
    assert all(text(line).isprintable() for line in picture.lines)
    if state.page is Page.TABLE:
        assert 0 <= picture.state.place < max(1, len(picture.shown.rows))
        assert picture.state.top <= picture.state.place < picture.state.top + picture.shown.body
    assert all(zone.line < height - 1 for zone in picture.zones)
    if plain:
        assert all(text(line).isascii() for line in picture.lines if "é" not in text(line))
