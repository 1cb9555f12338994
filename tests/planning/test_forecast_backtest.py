"""The forecast against what then happens: how far off, and where nothing is forecast."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.backtest import (
    DAILY,
    DOCUMENT,
    FLAPPING,
    LEAKS,
    NOISE,
    PLATEAUS,
    QUIET,
    SCENES,
    STEPS,
    Scene,
    days,
    figures,
    late,
    row,
    told,
)

WITHIN = 0.2
"""How far off a forecast may be while more than a tenth of the way is left."""
WITHIN_LASTING = 0.25
"""The same where noise lasts longer than the readings are apart."""


def named(scene: Scene) -> str:
    """A name for a case."""
    return f"{scene.name}, noise {scene.noise}/{scene.lasting:g}"


@pytest.mark.parametrize("scene", LEAKS, ids=named)
def test_a_leak_is_full_within_a_fifth_of_what_was_said(scene: Scene) -> None:
    """While more than a tenth is left, and in nine of ten forecasts it is between their ends."""
    found = figures(scene)
    assert found.worst <= (WITHIN_LASTING if scene.lasting else WITHIN)
    assert found.between >= 0.9
    assert found.share > 0.75


@pytest.mark.parametrize("scene", [*STEPS, *NOISE], ids=named)
def test_a_step_or_noise_is_never_forecast(scene: Scene) -> None:
    """Not while it happens, not after."""
    assert list(told(scene)) == []


@pytest.mark.parametrize("scene", FLAPPING, ids=named)
def test_flapping_is_not_forecast(scene: Scene) -> None:
    """Unless in the first two hours: before the first swing back nobody can know."""
    assert [one.minute for one in told(scene) if one.minute > QUIET] == []


@pytest.mark.parametrize("scene", PLATEAUS, ids=named)
def test_a_leak_that_has_ended_is_not_forecast(scene: Scene) -> None:
    """From when its plateau can be told from noise: the sooner, the faster it was."""
    took = scene.minutes - 720 - QUIET
    assert late(scene, scene.minutes - 720) <= (5 if not scene.noise else 10 + took / 10)


@pytest.mark.parametrize("scene", DAILY, ids=named)
def test_a_daily_pattern_is_forecast_on_the_first_day_alone(scene: Scene) -> None:
    """From the second day on it is known that such a rise comes down again."""
    assert days(scene)[1:] == [0, 0, 0]


def test_a_restart_does_not_hide_the_next_leak() -> None:
    """What fell at once was no pattern: the leak after it is forecast as the one before."""
    saw = Scene("two leaks", lambda minute: 1000 + 15 * (minute % 480), 900)
    minutes = [one.minute for one in told(saw)]
    assert [minute for minute in minutes if minute < 480]
    assert [minute for minute in minutes if 520 < minute < 960]


def test_a_busier_day_is_forecast_beyond_the_peak_of_the_day_before() -> None:
    """A leak that goes beyond what a pattern had is none of it."""
    daily = dataclasses.replace(DAILY[0], minutes=2400)
    leaking = dataclasses.replace(
        daily, use=lambda minute: daily.use(min(minute, 1800)) + 8 * max(0, minute - 1800)
    )
    assert [one.minute for one in told(leaking) if one.minute > 1900]


@pytest.mark.parametrize("scene", SCENES, ids=named)
def test_the_document_has_the_figures(scene: Scene) -> None:
    """As measured now."""
    assert row(scene) in DOCUMENT.read_text(), "run python -m tests.planning.backtest --write"
