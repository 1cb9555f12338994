"""The forecast: what is a trend, what is none, and how much it remembers."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.limits import LIMITS
from xenwatch.limits.base import Max
from xenwatch.limits.states import LimitState, assess
from xenwatch.planning.forecast import MAX_INSTANCES, History, forecast
from xenwatch.planning.trend import (
    MAX_POINTS,
    MIN_SPAN,
    SPACING,
    Point,
    appended,
    trend,
)
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.grants import GrantFrames, Grants
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio

AIO = next(limit for limit in LIMITS if limit.name == "aio_requests")
GRANTS = next(limit for limit in LIMITS if limit.name == "grant_frames")
START = 1_700_000_000.0


def every_minute(values: Iterable[int]) -> tuple[Point, ...]:
    """A series with a point a minute."""
    return tuple((START + 60 * number, value) for number, value in enumerate(values))


def aio(used: int, time: float, status: Status = Status.OK) -> tuple[list[LimitState], Snapshot]:
    """States and snapshot of a host of which only the aio requests are known."""
    outcome = Outcome(status, "", time)
    reading = Aio(used, 65536) if status is Status.OK else None
    snapshot = Snapshot(time, {"aio": outcome}, aio=reading)
    value = used if reading else None
    return [LimitState(AIO, "", value, Max(65536, ""), AIO.thresholds)], snapshot


def slope(points: Sequence[Point]) -> float | None:
    """Units per second by which points rise, `None` without a trend."""
    found = trend(points)
    return None if found is None else found.rate


def seconds(history: History, states: Iterable[LimitState]) -> dict[str, float]:
    """The seconds of a forecast."""
    return {name: found.seconds for name, found in forecast(history, states)[0].items()}


def remembered(values: Iterable[int], seconds: float = 60.0) -> tuple[History, list[LimitState]]:
    """The history of aio requests read every so many seconds, and the last states."""
    history, states = History(), list[LimitState]()
    for number, value in enumerate(values):
        states, snapshot = aio(value, START + number * seconds)
        history = history.updated(states, snapshot)
    return history, states


def test_a_steady_leak_is_full_when_it_says() -> None:
    """Ten requests a minute with 65,036 left are full in 6,503.6 minutes."""
    history, states = remembered(range(200, 510, 10))

    assert seconds(history, states) == {"aio_requests": pytest.approx((65536 - 500) * 6.0)}


@given(
    rate=st.floats(0.5, 1000),
    seed=st.integers(0, 1000),
    minutes=st.integers(30, 500),
    share=st.floats(0, 0.1),
)
def test_a_noisy_leak_is_told_within_a_quarter(
    rate: float, seed: int, minutes: int, share: float
) -> None:
    """A leak is found, and its rate within a quarter, under noise of a tenth of its rise."""
    noise = random.Random(seed)
    rise = rate * min(minutes, 30)
    values = [
        round(10000 + rate * n + noise.uniform(-share, share) * rise) for n in range(minutes + 1)
    ]
    found = slope(every_minute(values))

    assert found is not None
    assert found * 60 == pytest.approx(rate, rel=0.25)


@given(
    before=st.integers(1, 400),
    after=st.integers(1, 400),
    low=st.integers(0, 1 << 40),
    step=st.integers(1, 1 << 40),
)
def test_a_step_is_no_trend(before: int, after: int, low: int, step: int) -> None:
    """However high and wherever, one step is no forecast."""
    points = every_minute([low] * before + [low + step] * after)

    assert slope(points[-MAX_POINTS:]) is None


@given(
    before=st.integers(15, 300),
    storm=st.integers(1, 9),
    after=st.integers(15, 300),
    step=st.integers(1, 1000),
)
def test_a_boot_storm_that_is_over_is_no_trend(
    before: int, storm: int, after: int, step: int
) -> None:
    """VMs that start within some minutes, with quiet before and after, are no forecast."""
    values = [0] * before + [step * n for n in range(storm)] + [step * storm] * after

    assert slope(every_minute(values)) is None


@given(rate=st.integers(1, 1000), minutes=st.integers(15, 300), pause=st.integers(1, 10))
def test_a_trend_that_has_come_to_rest_has_ended(rate: int, minutes: int, pause: int) -> None:
    """Use that rose every few minutes is no trend any more after three times that long at rest."""
    rising = [rate * (n // pause) for n in range(minutes * pause)]
    points = every_minute(rising + [rising[-1]] * (2 * pause + 1))

    assert slope(points[-MAX_POINTS:]) is None


def arriving(counts: Iterable[int], used: Iterable[int]) -> History:
    """The history of aio requests and of VMs, of each minute."""
    history = History()
    for number, (count, value) in enumerate(zip(counts, used, strict=True)):
        states, snapshot = aio(value, START + 60 * number)
        domains = Domains(
            tuple(Domain(n, str(n), None, None, "running", 1, 1, 0, 0.0) for n in range(count)), ""
        )
        outcomes = {**snapshot.outcomes, "domains": Outcome(Status.OK, "", snapshot.time)}
        history = history.updated(
            states, dataclasses.replace(snapshot, domains=domains, outcomes=outcomes)
        )
    return history


def soon(history: History, left: int) -> bool:
    """Whether the aio requests are forecast to be full, with so many left."""
    used = history.series["aio_requests", ""][-1][1]
    state = LimitState(AIO, "", used, Max(used + left, ""), AIO.thresholds)
    return "aio_requests" in forecast(history, [state])[0]


@pytest.mark.parametrize("each", [1, 2, 5])
def test_vms_that_arrive_are_told_only_where_the_end_is_near(each: int) -> None:
    """Forty VMs that come from another host are no leak: nobody knows how many more there are."""
    counts = [20 + number // each for number in range(40 * each)]
    history = arriving(counts[-45:], [1000 * count for count in counts[-45:]])

    assert ("aio_requests", "") in history.trends
    assert not soon(history, left=30 * 1000)
    assert soon(history, left=10 * 1000 // each)
    # At five a minute they would fill the other half within a quarter of an hour.
    fast = arriving(range(45), [1000 * count for count in range(0, 225, 5)])
    assert not soon(fast, left=70 * 1000)


@pytest.mark.parametrize(
    "counts",
    [
        [20] * 45,
        [20 + number % 2 for number in range(45)],
        [20 + number // 15 for number in range(45)],
        [20 - number // 15 for number in range(45)],
    ],
    ids=["as many", "they come and go", "a few more", "a few fewer"],
)
def test_a_leak_is_told_whatever_the_vms_do(counts: list[int]) -> None:
    """Use that rises also while no VM comes is a leak, however far its end is."""
    leaking = [1000 * count + 100 * number for number, count in enumerate(counts)]

    assert soon(arriving(counts, leaking), left=1 << 20)


@given(st.lists(st.integers(0, 1 << 50), min_size=1, max_size=200))
def test_falling_use_is_no_trend(values: list[int]) -> None:
    """What does not rise is never full."""
    assert slope(every_minute(sorted(values, reverse=True))) is None


@given(seed=st.integers(0, 1000), high=st.integers(1, 1000))
def test_noise_is_no_trend(seed: int, high: int) -> None:
    """Use that goes up and down about a level is no forecast."""
    noise = random.Random(seed)
    values = [noise.randrange(high + 1) for _ in range(MAX_POINTS)]

    assert slope(every_minute(values)) is None


@given(
    st.lists(st.tuples(st.floats(0, 1e9), st.integers(0, 1 << 62)), max_size=60),
    st.integers(0, 1 << 62),
)
def test_a_forecast_is_a_number_that_is_not_negative(
    readings: list[tuple[float, int]], maximum: int
) -> None:
    """Whatever is read, in whatever order of times, a forecast is finite and not below zero."""
    history, states = History(), list[LimitState]()
    for time, used in readings:
        states, snapshot = aio(used, time)
        states = [dataclasses.replace(states[0], max=Max(maximum, ""))]
        history = history.updated(states, snapshot)

    for found in forecast(history, states)[0].values():
        assert math.isfinite(found.latest)
        assert 0 <= found.soonest <= found.seconds <= found.latest


def test_a_trend_needs_some_minutes() -> None:
    """Nothing is said before the least span, however fast the use rises."""
    minutes = int(MIN_SPAN / 60)

    assert slope(every_minute(range(minutes))) is None
    assert slope(every_minute(range(minutes + 1))) is not None


def test_a_slow_leak_is_seen_in_the_longer_window() -> None:
    """One unit in ten minutes is no trend within half an hour, and is one within hours."""
    values = [n // 10 for n in range(MAX_POINTS)]

    assert slope(every_minute(values[:31])) is None
    assert (slope(every_minute(values)) or 0) * 600 == pytest.approx(1, rel=0.05)


def test_a_full_limit_is_full_now() -> None:
    """A leak that has reached its max has no seconds left."""
    history, states = remembered(range(65036, 65537, 10))
    full = [dataclasses.replace(states[0], used=65536)]

    assert seconds(history, full) == {"aio_requests": 0.0}


def test_no_max_no_forecast() -> None:
    """Where the max is not known nobody can say when it is reached."""
    history, states = remembered(range(200, 510, 10))

    assert forecast(history, [dataclasses.replace(states[0], max=None)])[0] == {}


def test_a_failed_reading_says_nothing_and_forgets_nothing() -> None:
    """While the probe fails there is no forecast; afterwards the points are still there."""
    history, _ = remembered(range(200, 510, 10))
    states, snapshot = aio(0, START + 31 * 60, Status.FAILED)
    failed = history.updated(states, snapshot)
    assert forecast(failed, states)[0] == {}
    assert failed.series == history.series

    states, snapshot = aio(520, START + 32 * 60)
    assert "aio_requests" in forecast(failed.updated(states, snapshot), states)[0]


def test_an_old_reading_is_no_new_point() -> None:
    """A page rendered again with the same reading leaves the history as it is."""
    history, states = remembered(range(200, 510, 10))
    states, snapshot = aio(500, START + 30 * 60)

    assert history.updated(states, snapshot) == history


def test_points_are_a_minute_apart_and_bounded() -> None:
    """Readings every second make a point a minute, and no more points than are looked at."""
    history, _ = remembered(range(3000), seconds=1.0)
    points = history.series["aio_requests", ""]
    assert {b[0] - a[0] for a, b in pairwise(points)} == {SPACING}

    for number in range(2 * MAX_POINTS):
        points = appended(points, (START + 1e6 + 60 * number, 0))
    assert len(points) == MAX_POINTS


def grants(domids: int, time: float) -> tuple[tuple[LimitState, ...], Snapshot]:
    """States and snapshot of so many domains, the higher the fuller."""
    frames = {domid: GrantFrames(domid + 1, 10000) for domid in range(domids)}
    snapshot = Snapshot(time, {"grants": Outcome(Status.OK, "", time)}, grants=Grants(frames))
    return assess(snapshot, limits=[GRANTS]), snapshot


def test_only_the_fullest_instances_are_followed() -> None:
    """A thousand domains cost no more memory than the fullest of them."""
    history = History().updated(*grants(1000, START))

    assert len(history.series) == MAX_INSTANCES
    assert ("grant_frames", "999") in history.series


def test_what_is_gone_is_forgotten() -> None:
    """The points of a domain that is gone go with it."""
    history = History().updated(*grants(10, START)).updated(*grants(2, START + 60))

    assert set(history.series) == {("grant_frames", "0"), ("grant_frames", "1")}


def test_the_first_instance_to_be_full_counts() -> None:
    """Of two domains whose tables grow, the limit's forecast is the sooner one."""
    history = History()
    states: tuple[LimitState, ...] = ()
    for number in range(31):
        time = START + number * 60
        frames = {1: GrantFrames(number, 1000), 2: GrantFrames(10 * number, 1000)}
        outcomes = {"grants": Outcome(Status.OK, "", time)}
        snapshot = Snapshot(time, outcomes, grants=Grants(frames))
        states = assess(snapshot, limits=[GRANTS])
        history = history.updated(states, snapshot)

    assert seconds(history, states) == {"grant_frames": pytest.approx(70 * 60)}


def test_what_is_no_shortage_has_no_forecast() -> None:
    """Limits that never warn, such as the ids of domains, are not followed."""
    domids = next(limit for limit in LIMITS if limit.name == "domids")
    state = LimitState(domids, "", 5, Max(32751, ""), domids.thresholds)
    snapshot = Snapshot(START, {"domains": Outcome(Status.OK, "", START)})

    assert History().updated([state], snapshot).series == {}
