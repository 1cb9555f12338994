"""Plans as programs and people get them, and the counts that may be asked for."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.planning.support import full_xl, plan, xenserver
from xenwatch.planning.answer import document, dumps, obstacle
from xenwatch.planning.question import MOST_VMS, PlanError, number
from xenwatch.readings.snapshot import Outcome, Status


def test_programs_find_every_part_of_a_plan() -> None:
    """The document has time, source, regime, what prevents a plan, and the plans, by these keys."""
    snapshot = xenserver("6.2.0")
    found = document(snapshot, [plan(snapshot, windows=1)])

    assert list(found) == ["time", "source", "regime", "obstacle", "plans"]
    assert (found["time"], found["regime"]) == (snapshot.time, "xenserver-6.2")
    assert list(found["plans"][0]) == [
        "shapes", "verdict", "wanted", "fits", "headroom", "at_most", "reserve", "together",
        "binding", "limits",
        "not_counted", "learnt",
    ]  # fmt: skip
    assert found["plans"][0]["not_counted"] == ["dom0_memory"]


def test_the_document_is_text_of_two_columns_a_level() -> None:
    """As text the document is indented JSON that ends with a newline."""
    snapshot = xenserver("6.2.0")
    plans = [plan(snapshot, windows=1)]
    text = dumps(snapshot, plans)

    assert text.startswith('{\n  "time": ')
    assert text.endswith("\n}\n")
    assert json.loads(text) == document(snapshot, plans)


def test_an_unread_toolstack_is_named_as_the_obstacle() -> None:
    """Where only the daemons' probe could tell the toolstack, that is said, not the platform."""
    snapshot = dataclasses.replace(full_xl(), outcomes={"daemons": Outcome(Status.FAILED)})

    assert "probe daemons failed" in (obstacle(snapshot) or "")
    assert obstacle(full_xl()) is None


@pytest.mark.parametrize("count", [1, MOST_VMS])
def test_the_bounds_of_a_count_may_be_asked_for(count: int) -> None:
    """A count from 1 up to the most VMs is one."""
    assert number("count", str(count)) == count


@pytest.mark.parametrize("text", ["0", str(MOST_VMS + 1)])
def test_a_count_outside_its_bounds_is_refused(text: str) -> None:
    """A count below 1 or above the most VMs is refused with the bounds."""
    with pytest.raises(PlanError, match=f"count: {text} must be between 1 and {MOST_VMS}"):
        number("count", text)
