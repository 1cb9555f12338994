"""What plans keep free, in every number of headroom."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.support import LINUX, WINDOWS, xenserver
from xenwatch.assessment import Rules, assess_pass
from xenwatch.exposition.text_format import render
from xenwatch.limits.states import assess
from xenwatch.metrics import families
from xenwatch.planning.answer import verdict
from xenwatch.planning.capacity import fit
from xenwatch.planning.reserve import MOST_VMS, Reserve, parse

SNAPSHOT = xenserver("6.2.0")
STATES = assess(SNAPSHOT)


@settings(deadline=None)
@given(vms=st.integers(0, 600), wanted=st.integers(1, 600))
def test_so_many_fewer_fit(vms: int, wanted: int) -> None:
    """By every limit as many fewer as are kept, and none below zero."""
    free = fit(STATES, SNAPSHOT, {WINDOWS: 1}, wanted)
    kept = fit(STATES, SNAPSHOT, {WINDOWS: 1}, wanted, reserve=Reserve(vms))
    by_limit = {each.limit: each.batches for each in kept.headrooms}
    for headroom in free.headrooms:
        assert headroom.batches is not None
        assert by_limit[headroom.limit] == max(0, headroom.batches - vms)
    assert kept.fits == fit(STATES, SNAPSHOT, {WINDOWS: 1}, wanted + vms).fits


def test_a_share_of_every_limit_is_kept() -> None:
    """A tenth of 4,096 event channels, 95 of which are used, leaves 3,591 at 7 each."""
    plan = fit(STATES, SNAPSHOT, {WINDOWS: 1}, reserve=Reserve(share=Fraction(1, 10)))
    (channels,) = (each for each in plan.headrooms if each.limit == "event_channels")
    assert (channels.left, channels.batches) == (4096 - 96 - 410, (4096 - 96 - 410) // 7)


def test_a_mix_keeps_what_its_largest_vm_takes() -> None:
    """Ten VMs more are ten more of those that take most of a limit."""
    free = fit(STATES, SNAPSHOT, {WINDOWS: 2, LINUX: 5})
    kept = fit(STATES, SNAPSHOT, {WINDOWS: 2, LINUX: 5}, reserve=Reserve(10))
    for before, after in zip(
        sorted(free.headrooms, key=lambda each: each.limit),
        sorted(kept.headrooms, key=lambda each: each.limit),
        strict=True,
    ):
        one = max(
            each.takes or 0
            for shape in (WINDOWS, LINUX)
            for each in fit(STATES, SNAPSHOT, {shape: 1}).headrooms
            if each.limit == before.limit
        )
        assert (before.left or 0) - (after.left or 0) == min(10 * one, before.left or 0)


def test_the_verdict_the_metrics_and_the_remedy_respect_it() -> None:
    """What is told anywhere is beside the reserve."""
    rules = Rules(reserve=Reserve(71))
    assessment = assess_pass(SNAPSHOT, rules)
    plan = assessment.plan({WINDOWS: 1})
    assert verdict(plan).startswith("at most 429 more fit, then xenstored_fds stops")
    assert "; kept in reserve: 71 VMs; not counted: " in verdict(plan)
    page = render(families(assessment))
    assert b'xenwatch_vm_headroom{shape="windows"} 429\n' in page
    assert b'xenwatch_limit_vm_headroom{shape="windows",limit="event_channels"} 500\n' in page
    assert assessment.plan({WINDOWS: 1}, 430).fits is False


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (0, Reserve()),
        (2, Reserve(2)),
        ("2", Reserve(2)),
        ("10%", Reserve(share=Fraction(1, 10))),
        ("0.5 %", Reserve(share=Fraction(1, 200))),
    ],
)
def test_it_is_a_number_or_percent(value: object, found: Reserve) -> None:
    """As in the configuration and on the command line."""
    assert parse(value) == found


@pytest.mark.parametrize(
    "value", [-1, True, 1.5, None, "", "100%", "ten", "1,5%", "%", "٣", str(MOST_VMS + 1)]
)
def test_anything_else_is_refused(value: object) -> None:
    """With what it must be."""
    with pytest.raises(ValueError, match="must be a number of VMs, at most 10000, or less than"):
        parse(value)
