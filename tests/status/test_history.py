"""What pages show of the past: fullest instances, a VM, and rates between moments."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.limits.states import assess
from xenwatch.status.history import limits_use, ratio, risen, vm_use

SNAPSHOT = full_snapshot()


def test_of_each_limit_the_fullest_instance_counts() -> None:
    """Every limit that was read has its use, that of the instance with the highest ratio."""
    uses = limits_use(SNAPSHOT)
    for name, use in uses.items():
        states = [state for state in assess(SNAPSHOT) if state.limit.name == name]
        fullest = max(state.ratio or 0.0 for state in states)
        assert (use.instance, use.used, fullest) in {
            (state.instance, state.used, state.ratio or 0.0) for state in states
        }
    assert uses.keys() == {state.limit.name for state in assess(SNAPSHOT) if state.used is not None}


def test_a_vm_that_did_not_run_has_no_point() -> None:
    """Nothing is invented for a moment at which the VM was not there, or could not be read."""
    assert SNAPSHOT.domains is not None
    domain = next(each for each in SNAPSHOT.domains.domains if each.domid and each.alive)
    found = vm_use(SNAPSHOT, domain.uuid)

    assert found is not None
    assert found.memory_bytes == domain.memory_bytes
    assert vm_use(SNAPSHOT, "nobody") is None
    assert vm_use(dataclasses.replace(SNAPSHOT, domains=None), domain.uuid) is None


POINTS = st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.floats(0, 1e9)), max_size=20)


@settings(deadline=None)
@given(POINTS)
def test_no_counter_falls(points: list[tuple[float, float | None]]) -> None:
    """Whatever was read, no rate is below zero, and each is at the time of a later reading."""
    ordered = sorted(points, key=lambda point: point[0])

    assert all(rate >= 0 and time in {at for at, _ in ordered[1:]} for time, rate in risen(ordered))


def test_latency_is_time_for_each_request() -> None:
    """Seconds are divided by requests; where there were none there is no latency."""
    waits: list[tuple[float, float | None]] = [(0, 0.0), (10, 1.0), (20, 1.0), (30, 4.0)]
    requests: list[tuple[float, float | None]] = [(0, 0), (10, 100), (20, 100), (30, 200)]

    found = ratio(waits, requests)
    assert [time for time, _ in found] == [10, 30]
    assert [seconds for _, seconds in found] == pytest.approx([0.01, 0.03])
