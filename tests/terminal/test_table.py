"""Tables: sorted, filtered, and fitted into the cells of a terminal."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.terminal.lines import fit, line, wrapped
from xenwatch.terminal.table import (
    GAP,
    UNKNOWN,
    Cell,
    Column,
    Row,
    Sort,
    Table,
    cells,
    fitted,
    shown,
    widths,
)

COLUMNS = (Column("name", "NAME", number=False, low=True), Column("used", "USED"))
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


def table(*rows: tuple[str, int | None], folded: bool = False) -> Table:
    """A table of names and numbers."""
    return Table(
        COLUMNS,
        tuple(
            Row(
                ("thing", name),
                f"{number} {name}",
                (Cell(name, name), UNKNOWN if used is None else Cell(str(used), used)),
                folded,
            )
            for number, (name, used) in enumerate(rows)
        ),
        "order",
    )


def names(found: Table, sort: Sort, text: str = "") -> list[str]:
    """The names of the rows that are shown."""
    return [row.cells[0].text for row in shown(found, sort, text)]


def test_most_come_first_and_the_unknown_last() -> None:
    """Numbers fall, and rise when reversed; a value that is not known is last either way."""
    found = table(("a", 5), ("b", None), ("c", 100), ("d", 20))

    assert names(found, Sort("used")) == ["c", "d", "a", "b"]
    assert names(found, Sort("used", reverse=True)) == ["a", "d", "c", "b"]


def test_names_rise() -> None:
    """Words are sorted from A to Z, whatever their case."""
    found = table(("b", 1), ("C", 2), ("a", 3))

    assert names(found, Sort("name")) == ["a", "b", "C"]
    assert names(found, Sort("name", reverse=True)) == ["C", "b", "a"]


def test_without_a_column_the_order_is_that_of_the_table() -> None:
    """The natural order is kept, or turned round."""
    found = table(("b", 1), ("a", 2))

    assert names(found, Sort()) == ["b", "a"]
    assert names(found, Sort(reverse=True)) == ["a", "b"]
    assert names(found, Sort("gone")) == ["b", "a"]


def test_folded_rows_are_shown_to_those_who_look_for_them() -> None:
    """They appear when rows are sorted or filtered."""
    found = table(("web", 1), folded=True)

    assert names(found, Sort()) == []
    assert names(found, Sort("used")) == ["web"]
    assert names(found, Sort(), "WE") == ["web"]
    assert shown(found, Sort(), folded=True)


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXT, st.none() | st.integers())),
    st.sampled_from(["", "name", "used"]),
    st.booleans(),
    TEXT,
)
def test_sorting_loses_and_filtering_invents_nothing(
    rows: list[tuple[str, int | None]], column: str, reverse: bool, text: str
) -> None:
    """Sorted rows are the same rows; filtered ones those with the text."""
    found = table(*rows)
    sort = Sort(column, reverse)

    assert sorted(row.key for row in shown(found, sort)) == sorted(row.key for row in found.rows)
    wanted = [
        row.key
        for row in shown(found, sort)
        if any(text.casefold() in cell.text.casefold() for cell in row.cells)
    ]
    assert [row.key for row in shown(found, sort, text)] == wanted


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, st.none() | st.integers()), max_size=5), st.integers(1, 200))
def test_columns_fit(rows: list[tuple[str, int | None]], width: int) -> None:
    """The columns and the blanks between them take no more than there is, and one is there."""
    found = table(*rows)
    fit_into = widths(found, found.rows, width)

    assert fit_into
    assert sum(size for _, size in fit_into) + GAP * (len(fit_into) - 1) <= width
    longest = max((cells(row.cells[0].text) for row in found.rows), default=0)
    if width > 100:
        assert fit_into[0][1] >= longest  # nothing is cut where there is room


def test_the_column_that_matters_least_goes_first() -> None:
    """Where there is no room, columns go by what they are worth, and not from the right."""
    columns = (Column("a", "AAAAAAAA", keep=1), Column("b", "BBBBBBBB", keep=9))

    assert widths(Table(columns, (), ""), (), 12) == [(1, 9)]


@settings(deadline=None)
@given(TEXT, st.integers(0, 40), st.booleans(), st.sampled_from(["", "~", "…"]))
def test_a_text_is_fitted_to_the_cell(text: str, width: int, right: bool, more: str) -> None:
    """Cut or filled up, it takes exactly the cells that it is given."""
    assert cells(fitted(text, width, right=right, more=more)) == width


def test_wide_characters_take_two_cells_and_accents_none() -> None:
    """As terminals have it (UAX #11): ideographs are wide, combining marks take no cell."""
    assert cells("東京") == 4
    assert cells("e\u0301") == 1
    assert fitted("東京", 3) == "東 "


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4), st.integers(1, 60))
def test_lines_are_as_wide_as_the_terminal(texts: list[str], width: int) -> None:
    """A line of several pieces is cut or filled up to the width."""
    found = fit(line(*texts), width, "~")

    assert sum(cells(text) for _, text in found) == width


@settings(deadline=None)
@given(st.text("ab \u6771"), st.integers(2, 30))
def test_wrapping_keeps_every_word(text: str, width: int) -> None:
    """Lines are no wider than asked for, and have every character but blanks."""
    found = wrapped(text, width)

    assert all(cells(each.rstrip()) <= width for each in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
