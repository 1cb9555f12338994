"""The earlier snapshot of which rates are made."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.passes.earlier import SPAN, Earlier
from xenwatch.readings.snapshot import Snapshot


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 3 * SPAN), min_size=1, max_size=30))
def test_it_is_old_enough_and_not_too_old(steps: list[float]) -> None:
    """Once enough time has passed it is a span old or more, and never older than needed."""
    earlier, instant = Earlier(), 0.0
    noted = [0.0]
    assert earlier.snapshot is None
    earlier.note(Snapshot(instant=0.0))
    for step in steps:
        instant += step
        noted.append(instant)
        earlier.note(Snapshot(instant=instant))
        assert earlier.snapshot is not None
        age = instant - earlier.snapshot.instant
        assert age >= SPAN or earlier.snapshot.instant == 0.0
        assert age <= 2 * SPAN + max(steps)
