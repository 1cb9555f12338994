"""The slow leaks of the synthetic host: each lasts long enough for its end to be forecast."""

from __future__ import annotations

from bisect import bisect

import pytest

from tests.fake_clock import FakeClock
from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS
from xenwatch.limits.states import assess
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import ScenarioSource, load, names
from xenwatch.planning.forecast import History, forecast
from xenwatch.planning.trend import MIN_SPAN, SPACING
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

FULL_SOON = next(alert for alert in ALERTS if alert.name == "limit_full_soon")
LEAKS = {
    "leak-blktap-ids": "blktap_minors",
    "leak-event-channels": "event_channels",
    "leak-grant-frames": "grant_frames",
    "leak-xenopsd-fds": "daemon_fds",
    "leak-xenstored-fds": "xenstored_fds",
    "log-full": "file_system",
}
"""By scenario: the limit that it fills. Dying domains fill none that has a threshold."""
HOURS = 3
EARLY = 300.0
"""Seconds the alert has fired, at least, when the limit is full."""


def full(name: str) -> float:
    """The second of the clock at which a scenario has nothing more to leak."""
    scenario = load(name)
    player = Player(scenario)
    player.advance(HOURS * 3600 * scenario.speed)
    return player.errors[0][0] / scenario.speed


def forecasts(name: str, limit: str, seconds: float) -> dict[float, float]:
    """What is forecast of a limit, by second of a clock."""
    read = {
        "host",
        "domains",
        next(declared.probe for declared in LIMITS if declared.name == limit),
    }
    needed = [probe for probe in PROBES if probe.name in read]
    clock = FakeClock()
    source = ScenarioSource(load(name), clock=clock.monotonic)
    history, found = History(), dict[float, float]()
    while clock.now < seconds:
        snapshot = take(source, needed, lambda: clock.moment().time).snapshot
        states = [state for state in assess(snapshot) if state.limit.name == limit]
        history = history.updated(states, snapshot)
        if limit in (ends := forecast(history, states)[0]):
            found[clock.now] = ends[limit].seconds
        clock.now += 2 * SPACING
    return found


def test_every_slow_leak_is_rehearsed() -> None:
    """No scenario that leaks or fills slowly is left out here."""
    assert {name for name in names() if name.startswith(("leak-", "log-full"))} == {
        *LEAKS,
        "leak-dying-domains",
    }


@pytest.mark.parametrize("name", LEAKS)
def test_a_slow_leak_has_a_forecast_near_the_truth(name: str) -> None:
    """From a quarter of an hour on the forecast is within a tenth of when the limit is full."""
    end = full(name)

    found = forecasts(name, LEAKS[name], end)

    late = list(found.items())[bisect(list(found), 1.5 * MIN_SPAN) :]
    assert [at for at, seconds in late if abs(at + seconds - end) > end / 10] == []
    assert end - min(found) > FULL_SOON.seconds + EARLY
    assert FULL_SOON.thresholds is not None
    assert end < (FULL_SOON.thresholds.warning or 0)
