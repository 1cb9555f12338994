"""What `top --batch` prints."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.outputs import strict
from tests.terminal.support import look
from xenwatch.terminal.batch import document, text
from xenwatch.terminal.table import Sort
from xenwatch.terminal.views import BY_NAME, VIEWS, View


def test_a_table_has_heads_and_whole_cells() -> None:
    """Notices, the time, the heads of the columns, and a line for each row."""
    found = text(look(notices=("SYNTHETIC: x",)), BY_NAME["domains"], Sort(), "").splitlines()

    assert found[0] == "SYNTHETIC: x"
    assert "1970-01-01 00:16:41 UTC" in found[1]
    assert found[2].split()[:3] == ["DOMID", "NAME", "STATE"]
    assert len(found) == 6


def test_a_wide_cell_does_not_widen_every_row() -> None:
    """A name of a stranger is whole, and each other row has as much as fits in a terminal."""
    name, first = "x" * 100_000, look()
    row = dataclasses.replace((first.status.domains or ())[0], name=name)
    rows = (row, *(dataclasses.replace(row, domid=n, name="y") for n in range(2, 200)))
    status = dataclasses.replace(first.status, domains=rows)
    found = text(dataclasses.replace(first, status=status), BY_NAME["domains"], Sort(), "")

    assert name in found
    assert len(found) < 2 * len(name)


def test_it_is_sorted_and_filtered() -> None:
    """As in the terminal."""
    found = text(look(), BY_NAME["domains"], Sort("domid", reverse=True), "").splitlines()

    assert [line.split()[0] for line in found[2:]] == ["6", "5", "0"]
    one = text(look(), BY_NAME["domains"], Sort(), "00000005").splitlines()
    assert [line.split()[0] for line in one[2:]] == ["5"]
    assert "no row has nowhere" in text(look(), BY_NAME["domains"], Sort(), "nowhere")


def test_nothing_is_folded() -> None:
    """Who prints wants every limit."""
    found = text(look(), BY_NAME["limits"], Sort(), "")

    assert len(found.splitlines()) == 2 + len(look().status.limits)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_json_has_the_values_by_name(view: View) -> None:
    """One line, with each view as an array of rows; null is unknown."""
    found = document(look(alerts=()), (view,), Sort(), "")
    rows = strict(found)[view.name]

    assert found.count("\n") == 1
    names = {column.name for column in view.columns if column.title}
    assert all(row.keys() == names for row in rows)


def test_a_view_of_which_nothing_is_known_is_null() -> None:
    """It is not empty, which would say that there is nothing."""
    found = json.loads(document(look(None, alerts=None), VIEWS, Sort(), ""))

    assert found["qemus"] is None
    assert found["alerts"] is None
    assert found["domains"]


def test_json_says_where_readings_come_from() -> None:
    """The source as everywhere, and the notices."""
    found = json.loads(document(look(), VIEWS, Sort(), ""))

    assert found["source"] == {"kind": "host", "name": "", "captured": None, "behind": ""}
    assert found["notices"] == []
    assert list(found)[4:] == [view.name for view in VIEWS]


@settings(deadline=None)
@given(st.text(), st.sampled_from(VIEWS))
def test_any_filter_prints_lines(wanted: str, view: View) -> None:
    """Whatever is looked for, each line is printable."""
    assert all(line.isprintable() for line in text(look(), view, Sort(), wanted).split("\n"))
