"""How many of each shape fit where not all do."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.support import LINUX, WINDOWS, xenserver
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import Batch, fit
from xenwatch.planning.together import together

SNAPSHOT = xenserver("6.2.0")
STATES = assess(SNAPSHOT)


@settings(deadline=None)
@given(
    counts=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    costs=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    room=st.integers(0, 2000),
)
def test_what_is_said_fits_and_not_one_more_does(
    counts: tuple[int, int], costs: tuple[int, int], room: int
) -> None:
    """Of neither shape, unless all of it is there."""
    shapes = (WINDOWS, LINUX)
    batch = dict(zip(shapes, counts, strict=True))
    cost = dict(zip(shapes, costs, strict=True))

    def fits(some: Batch) -> bool:
        return sum(cost[shape] * count for shape, count in some.items()) <= room

    found = together(batch, fits)
    assert fits(found)
    for shape in shapes:
        more = {**found, shape: found[shape] + 1}
        assert found[shape] == batch[shape] or not fits(more)


def test_a_plan_of_it_fits() -> None:
    """1,000 descriptors at two each are those of 500 Windows VMs; Linux VMs take none."""

    def fits(batch: Batch) -> bool:
        return bool(fit(STATES, SNAPSHOT, batch, 1).at_most)

    found = together({WINDOWS: 400, LINUX: 900}, fits)
    assert fits(found)
    assert found[LINUX] > 0
    assert not fits({**found, WINDOWS: found[WINDOWS] + 1})
