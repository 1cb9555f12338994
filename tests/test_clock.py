"""The two clocks: what is told of an instant when the clock is set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_clock import START, at
from xenwatch import clock as module
from xenwatch.clock import SystemClock

seconds = st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000)
set_by = st.sampled_from([0.0, -7200.0, 3600.0, -50 * 365 * 86400.0])


class Set:
    """A machine's clocks that a test sets; each look takes `late` seconds."""

    def __init__(self) -> None:
        self.instant, self.ahead, self.late = 5.0, START, 0.0

    def monotonic(self) -> float:
        self.instant += self.late
        return self.instant

    def time(self) -> float:
        self.instant += self.late
        return self.ahead + self.instant


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Set:
    """The clocks that `SystemClock` asks."""
    found = Set()
    monkeypatch.setattr(module, "time", found)
    return found


@given(seconds, seconds, set_by)
def test_nothing_told_is_ahead_of_the_clock(now: float, instant: float, ahead: float) -> None:
    """An instant is as long ago as it was, however the clock was set; one ahead is now."""
    moment = at(now, ahead)
    told = moment.unix(instant)

    assert told <= moment.time + 1e-6
    assert told == pytest.approx(moment.time - max(0.0, now - instant), abs=1e-3)


@given(seconds, seconds, set_by)
def test_what_was_written_is_read_back_to_the_millisecond(
    now: float, age: float, ahead: float
) -> None:
    """A Unix time that became an instant is the same when it is told again."""
    moment = at(now, ahead)
    told = moment.unix(now - age)

    assert moment.unix(moment.instant_of(told)) == told
    assert moment.instant_of(moment.time + 1) == now


def test_an_instant_has_one_unix_time_until_the_clock_is_set(machine: Set) -> None:
    """Looks that take long, as on a starved dom0, do not change it; setting the clock does."""
    clock = SystemClock()
    told = clock.moment().unix(1.0)
    assert told == START + 1
    for late in (0.0, 1e-6, 0.3, 20.0):
        machine.late = late
        assert clock.moment().unix(1.0) == told
    machine.late = 0.0
    for ahead in (START - 7200, START + 3600, START + 0.25):
        machine.ahead = ahead
        moment = clock.moment()
        assert moment.unix(1.0) == ahead + 1
        assert moment.time - moment.instant == pytest.approx(ahead)
