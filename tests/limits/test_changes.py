"""Which changes of a limit's severity are logged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from xenwatch.limits import LIMITS
from xenwatch.limits.base import Max, Thresholds
from xenwatch.limits.changes import REMEMBERED, SETTLED, LoggedLimit, severity_changes
from xenwatch.limits.states import LimitState, LimitStates

INTERVAL = 10.0
"""Seconds from pass to pass."""


def state(used: int | None, most: int = 100, instance: str = "") -> LimitState:
    """A limit with thresholds at 80 % and 90 %; `None`: it could not be read."""
    maximum = None if used is None else Max(most, "")
    return LimitState(LIMITS[0], instance, used, maximum, Thresholds(0.8, 0.9))


def lines(passes: Iterable[Iterable[LimitState]]) -> list[tuple[int, str, str]]:
    """What is logged: number of the pass, severity before and now."""
    logged: Mapping[str, LoggedLimit] = {}
    found = []
    for number, states in enumerate(passes):
        logged, changes = severity_changes(logged, by_limit(states), number * INTERVAL)
        found += [(number, change.was.value, change.now.value) for change in changes]
    return found


def by_limit(states: Iterable[LimitState]) -> dict[str, LimitStates]:
    """The states as a pass has them."""
    found: dict[str, LimitStates] = {}
    for one in states:
        found.setdefault(one.limit.name, LimitStates([], one.thresholds)).states.append(one)
    return found


def uses(*used: int | None, most: int = 100) -> list[list[LimitState]]:
    """Passes in which so much is used."""
    return [[state(each, most)] for each in used]


def test_flapping_around_a_threshold_is_one_line() -> None:
    """79 and 80 of 100 in turn is logged once, and so it is at the critical threshold."""
    assert lines(uses(*[79, 80] * 60)) == [(1, "ok", "warning")]
    assert lines(uses(*[90, 89] * 60)) == [(0, "unknown", "critical")]


def test_flapping_by_one_unit_of_a_small_limit_is_one_line() -> None:
    """One unit is a flap also where it is more than 2 % of max."""
    assert lines(uses(*[7, 8] * 60, most=10)) == [(1, "ok", "warning")]
    assert lines(uses(*[0, 1] * 60, most=1)) == [(1, "ok", "critical")]


def test_crossing_upwards_is_logged_at_once() -> None:
    """Each higher severity is a line in the pass that reaches it."""
    assert lines(uses(79, 80, 89, 90)) == [(1, "ok", "warning"), (3, "warning", "critical")]


def test_a_clear_fall_is_logged_at_once() -> None:
    """A threshold is left at once when use is more than 2 % of max below it."""
    assert lines(uses(80, 78, 77)) == [(0, "unknown", "warning"), (2, "warning", "ok")]
    assert lines(uses(95, 88, 87)) == [(0, "unknown", "critical"), (2, "critical", "warning")]
    assert lines(uses(95, 50)) == [(0, "unknown", "critical"), (1, "critical", "ok")]


def test_use_that_stays_just_below_is_logged_in_time() -> None:
    """A threshold is left after five minutes just below it, counted anew after each return."""
    passes = int(SETTLED / INTERVAL)

    assert lines(uses(80, *[79] * passes)) == [(0, "unknown", "warning")]
    assert lines(uses(80, *[79] * (passes + 1)))[1:] == [(passes + 1, "warning", "ok")]
    assert lines(uses(80, *[79] * passes, 80, *[79] * passes)) == [(0, "unknown", "warning")]


def test_what_is_unknown_is_logged_at_once() -> None:
    """A reading that is lost and one that is back are lines, but not in the first pass."""
    assert lines(uses(50, None, 85)) == [(1, "ok", "unknown"), (2, "unknown", "warning")]
    assert lines(uses(None, None)) == []


def test_a_failed_probe_does_not_repeat_what_was_logged() -> None:
    """The instances of a limit whose probe failed once are logged as before when it is back."""
    domain = dataclasses.replace(LIMITS[0], label="domid")
    read = [dataclasses.replace(state(85, instance="7"), limit=domain)]
    failed = [dataclasses.replace(state(None), limit=domain)]

    assert lines([read, failed, read]) == [(0, "unknown", "warning")]


def test_an_instance_that_comes_back_was_what_it_was() -> None:
    """What was critical when its instance went away is no news when it is back, or is over then."""
    mount = dataclasses.replace(LIMITS[0], label="mountpoint")
    full, empty = (
        [dataclasses.replace(state(used, instance="/"), limit=mount)] for used in (95, 10)
    )

    assert lines([full, [], [], full]) == [(0, "unknown", "critical")]
    assert lines([full, [], empty, full])[1:] == [(2, "critical", "ok"), (3, "ok", "critical")]
    assert lines([empty, [], full]) == [(2, "unknown", "critical")]


def test_an_instance_is_forgotten_in_an_hour() -> None:
    """What comes back later is another one, for all that is known."""
    domain = dataclasses.replace(LIMITS[0], label="domid")
    full = [dataclasses.replace(state(95, instance="7"), limit=domain)]
    gone = int(REMEMBERED / INTERVAL)
    first = [(0, "unknown", "critical")]

    assert lines([full, *[[]] * gone, full]) == first
    assert lines([full, *[[]] * (gone + 1), full]) == [*first, (gone + 2, "unknown", "critical")]


def test_a_limit_first_read_in_a_later_pass_was_not_unknown_before() -> None:
    """Probes run one by one at the start: a limit that was never read has not changed."""
    other = dataclasses.replace(LIMITS[0], name="another")
    late = [dataclasses.replace(state(None), limit=other)]

    assert lines([[state(50)], [state(50), *late]]) == []


def test_a_threshold_that_is_gone_is_left_at_once() -> None:
    """A limit whose thresholds were switched off by a reload is not held at its old severity."""
    off = LimitState(LIMITS[0], "", 79, Max(100, ""), Thresholds(None, None))

    assert lines([[state(85)], [off]]) == [(0, "unknown", "warning"), (1, "warning", "ok")]


def test_instances_are_apart() -> None:
    """Each instance of a limit has its own severity."""
    passes = [
        [state(85, instance="a"), state(10, instance="b")],
        [state(85, instance="a"), state(95, instance="b")],
    ]

    assert lines(passes) == [(0, "unknown", "warning"), (1, "ok", "critical")]


def test_changes_are_in_the_order_of_the_limits() -> None:
    """However many limits change at once, and those that are gone."""
    limits = [dataclasses.replace(LIMITS[0], name=name) for name in ("c", "a", "d", "b")]
    passes = [[dataclasses.replace(state(used), limit=one) for one in limits] for used in (95, 10)]

    logged, _ = severity_changes({}, by_limit(passes[0]), 0.0)
    logged, changes = severity_changes(logged, by_limit(passes[1]), INTERVAL)

    assert [change.state.limit.name for change in changes] == ["c", "a", "d", "b"]
    assert list(severity_changes(logged, {}, INTERVAL)[0]) == []


def test_a_limit_of_the_same_states_is_not_looked_through() -> None:
    """Of thousands of instances most are as they were; one that was lower last is looked at."""
    same, low = by_limit([state(10)]), by_limit([state(79)])
    logged, _ = severity_changes({}, same, 0.0)
    again, _ = severity_changes(logged, same, INTERVAL)
    held, _ = severity_changes(severity_changes({}, by_limit([state(80)]), 0.0)[0], low, INTERVAL)

    assert again[LIMITS[0].name] is logged[LIMITS[0].name]
    assert severity_changes(held, low, INTERVAL + SETTLED)[1]
