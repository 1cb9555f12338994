"""From readings and thresholds to severities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Max, Thresholds
from xenwatch.limits.states import LimitState, Severity, assess
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

FULL = full_snapshot()
BOUNDS = Thresholds(0.8, 0.9)
RATIOS = st.none() | st.floats(0, 2, allow_nan=False)
THRESHOLDS = st.builds(Thresholds, RATIOS, RATIOS)
COUNTS = st.integers(0, 1 << 62)
MAXIMA = st.builds(Max, COUNTS, st.just("test"))


def state(used: int | None, maximum: int | None, thresholds: Thresholds = BOUNDS) -> LimitState:
    """A state with these numbers."""
    known = None if maximum is None else Max(maximum, "test")
    return LimitState(LIMITS[0], "", used, known, thresholds)


def outcome(status: Status, limit: Limit) -> Snapshot:
    """The full snapshot in which the limit's probe ended so, with no reading unless it is well."""
    outcomes = {**FULL.outcomes, limit.probe: Outcome(status, "because")}
    lost: dict[str, Any] = {} if status is Status.OK else {limit.probe: None}
    return replace(FULL, outcomes=outcomes, **lost)


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        (0, Severity.OK),
        (799, Severity.OK),
        (800, Severity.WARNING),
        (899, Severity.WARNING),
        (900, Severity.CRITICAL),
        (1000, Severity.CRITICAL),
        (1001, Severity.CRITICAL),
    ],
)
def test_a_threshold_holds_from_its_ratio_on(used: int, severity: Severity) -> None:
    """A ratio at a threshold has reached it."""
    assert state(used, 1000).severity is severity


@pytest.mark.parametrize(
    ("thresholds", "severity"),
    [
        (Thresholds(None, None), Severity.OK),
        (Thresholds(0.8, None), Severity.WARNING),
        (Thresholds(None, 0.9), Severity.CRITICAL),
        (Thresholds(0.5, 0.5), Severity.CRITICAL),
    ],
)
def test_a_threshold_that_is_none_is_never_reached(
    thresholds: Thresholds, severity: Severity
) -> None:
    """A limit that is full says no more than its thresholds allow."""
    assert state(1000, 1000, thresholds).severity is severity


@pytest.mark.parametrize(("used", "maximum"), [(None, 10), (10, None), (None, None)])
def test_what_is_not_known_is_unknown(used: int | None, maximum: int | None) -> None:
    """Without use or max there is no ratio, no headroom and no verdict."""
    found = state(used, maximum)

    assert (found.ratio, found.headroom, found.severity) == (None, None, Severity.UNKNOWN)


def test_a_max_of_nothing_is_full() -> None:
    """A limit of zero units is used up, whatever is used of it."""
    assert (state(0, 0).ratio, state(0, 0).headroom) == (1.0, 0)


@given(st.none() | COUNTS, st.none() | MAXIMA, THRESHOLDS)
def test_every_state_is_sound(
    used: int | None, maximum: Max | None, thresholds: Thresholds
) -> None:
    """Ratio and headroom are known together, never negative, and unknown is never ok."""
    found = LimitState(LIMITS[0], "", used, maximum, thresholds)

    assert (found.ratio is None) == (found.headroom is None) == (found.severity is Severity.UNKNOWN)
    assert (found.ratio is None) == (used is None or maximum is None)
    if found.ratio is not None and found.headroom is not None:
        assert found.ratio >= 0
        assert found.headroom >= 0
        assert used is not None
        assert maximum is not None
        assert used + found.headroom == max(used, maximum.value)


@given(COUNTS, COUNTS, MAXIMA)
def test_more_use_is_never_less_severe(used: int, more: int, maximum: Max) -> None:
    """Severity does not fall and headroom does not rise when use rises."""
    order = [Severity.OK, Severity.WARNING, Severity.CRITICAL]
    low, high = (LimitState(LIMITS[0], "", count, maximum, BOUNDS) for count in (used, used + more))

    assert order.index(low.severity) <= order.index(high.severity)
    assert (low.headroom or 0) >= (high.headroom or 0)


def test_states_come_in_the_tables_order() -> None:
    """Every limit of a full snapshot has its instances, in the order of the table."""
    names = [found.limit.name for found in assess(FULL)]

    assert names == [limit.name for limit in LIMITS for _ in limit.used(FULL)]


def test_a_state_has_the_limits_numbers() -> None:
    """Each instance comes with its own use, its own max and the limit's thresholds."""
    for found in assess(FULL):
        assert found.used == found.limit.used(FULL)[found.instance]
        assert found.max == found.limit.max(FULL)[found.instance]
        assert found.thresholds == found.limit.thresholds


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_failed_probe_makes_its_limits_unknown(limit: Limit) -> None:
    """A limit whose probe failed is one unknown state; limits of other probes are as before."""
    states = assess(outcome(Status.FAILED, limit))
    mine = [found for found in states if found.limit is limit]
    # Which toolstack started the domains is known by its daemons.
    others = {limit.probe, "host", *(("driver_domains",) if limit.probe == "daemons" else ())}
    rest = [found for found in states if found.limit.probe not in others]

    assert [(found.instance, found.severity) for found in mine] == [("", Severity.UNKNOWN)]
    assert rest == [found for found in assess(FULL) if found.limit.probe not in others]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
@pytest.mark.parametrize("status", [Status.NOT_APPLICABLE, Status.DISABLED])
def test_what_does_not_apply_has_no_state(limit: Limit, status: Status) -> None:
    """A limit this host does not have, or that is off, is not unknown but absent."""
    assert limit not in [found.limit for found in assess(outcome(status, limit))]


def test_before_the_first_pass_nothing_is_said() -> None:
    """A probe that has not run yet has no states."""
    assert assess(Snapshot()) == ()


def test_use_without_max_is_unknown() -> None:
    """A reading whose max cannot be known is there, with its use, and unknown."""
    states = {found.limit.name: found for found in assess(replace(FULL, host=None))}

    assert states["irqs"].used == 90
    assert states["irqs"].severity is Severity.UNKNOWN


@pytest.mark.parametrize("name", [limit.name for limit in LIMITS])
def test_thresholds_are_taken_by_name(name: str) -> None:
    """Thresholds of the configuration go in place of the table's, for that limit alone."""
    own: Mapping[str, Thresholds] = {name: Thresholds(0.01, 0.02)}
    for found in assess(FULL, own):
        expected = own[name] if found.limit.name == name else found.limit.thresholds
        assert found.thresholds == expected
