"""The forecast against what then happens, on uses of many kinds, as the document has it.

`python -m tests.planning.backtest` prints the figures, with `--write` it renews them in
docs/planning.md.
"""

from __future__ import annotations

import functools
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xenwatch.planning.forecast import Forecast, expected
from xenwatch.planning.trend import HOUR, MAX_HOURS, Point, appended, trend

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs/planning.md"
BEGIN: Final = "<!-- begin: python -m tests.planning.backtest -->\n"
END: Final = "<!-- end -->\n"
MAX: Final = 10_000
QUIET: Final = 120
"""Minutes before anything happens."""
LEFT: Final = 0.1
"""The share of the way from which on nothing is demanded."""
SLACK: Final = 1.0
"""Minutes between two points: no truth is known better."""
DAY: Final = 1440
LEAK_HEADER: Final = (
    "| Leak | Noise | First forecast after | Readings with one from then on | Largest error "
    "| Actual time within the bounds |\n"
    "| --- | --- | --- | --- | --- | --- |\n"
)
OTHER_HEADER: Final = (
    "| Without a leak, or after its end | Noise | False forecasts |\n| --- | --- | --- |\n"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A use over time: by minute, and for how long; `full` is when it reaches the max.

    `noise` is its standard deviation in per mille of the max, `lasting` how much of it there still
    is a minute later.
    """

    name: str
    use: Callable[[int], float]
    minutes: int
    full: int | None = None
    noise: int = 0
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast at a minute, and how much of the way was left."""

    minute: int
    forecast: Forecast
    left: float


def leak(hours: int, noise: int = 0, lasting: float = 0.0) -> Scene:
    """Use that rises from 20 % to the max."""
    minutes = 60 * hours

    def use(minute: int) -> float:
        return 2000 + 8000 * max(0, minute - QUIET) / minutes

    return Scene(f"leak of {hours} h", use, QUIET + minutes, QUIET + minutes, noise, lasting)


def step(over: int, noise: int = 0, lasting: float = 0.0) -> Scene:
    """Use that rises once, from 20 % to 55 %, over some minutes."""
    name = "step from 20 % to 55 %" + (f" over {over} minutes" if over > 1 else "")
    return Scene(
        name,
        lambda minute: 2000 + 3500 * min(1, max(0, minute - 400) / over),
        1000,
        noise=noise,
        lasting=lasting,
    )


def plateau(hours: int, noise: int = 0) -> Scene:
    """A leak that ends at 70 %."""
    return Scene(
        f"leak of {hours} h that ends at 70 %",
        lambda minute: 2000 + 5000 * min(1, max(0, minute - QUIET) / (60 * hours)),
        QUIET + 60 * hours + 720,
        noise=noise,
    )


def daily(swing: int, noise: int = 0) -> Scene:
    """Use that rises and falls every day, for four days."""
    return Scene(
        f"daily pattern of {50 - swing} to {50 + swing} %",
        lambda minute: 5000 - 100 * swing * math.cos(2 * math.pi * minute / DAY),
        4 * DAY,
        noise=noise,
    )


def flapping(minutes: int) -> Scene:
    """Use that goes above a threshold and below again."""
    return Scene(
        f"flapping about 80 % every {minutes} minutes",
        lambda minute: 8000 + (200 if minute % minutes < minutes / 2 else -200),
        2000,
        noise=1,
    )


def waves(minutes: int) -> Scene:
    """Use that swings about a threshold."""
    return Scene(
        f"swinging about 80 % every {minutes} minutes",
        lambda minute: 8000 + 200 * math.sin(2 * math.pi * minute / minutes),
        2000,
        noise=1,
    )


def flat(noise: int, lasting: float) -> Scene:
    """Use that is noise alone."""
    return Scene("noise about 50 %", lambda _: 5000.0, 3000, noise=noise, lasting=lasting)


LEAKS: Final = (
    *(leak(hours, noise) for hours in (1, 3, 12, 48) for noise in (0, 2, 10)),
    leak(12, 2, lasting=0.8),
    leak(48, 2, lasting=0.8),
)
PLATEAUS: Final = tuple(plateau(hours, noise) for hours in (1, 6, 24) for noise in (0, 2, 10))
DAILY: Final = tuple(daily(swing, noise) for swing in (10, 40) for noise in (0, 2, 10))
STEPS: Final = tuple(
    step(over, *kind) for over in (1, 10) for kind in ((0, 0.0), (2, 0.0), (10, 0.0), (10, 0.8))
)
FLAPPING: Final = (
    *(flapping(minutes) for minutes in (2, 20, 60)),
    *(waves(minutes) for minutes in (5, 20, 60)),
)
NOISE: Final = tuple(flat(noise, lasting) for noise in (2, 10) for lasting in (0.0, 0.8, 0.95))

SCENES: Final = (*LEAKS, *PLATEAUS, *DAILY, *STEPS, *FLAPPING, *NOISE)


def told(scene: Scene, every: int = 5, seed: int = 0) -> Iterator[Told]:
    """The forecasts made during a scene, each so many minutes."""
    chance, noise = random.Random(seed), 0.0
    points: tuple[Point, ...] = ()
    hours: tuple[Point, ...] = ()
    start = scene.use(0)
    for minute in range(scene.minutes):
        fresh = chance.gauss(0, scene.noise * MAX / 1000)
        noise = scene.lasting * noise + math.sqrt(1 - scene.lasting**2) * fresh
        true = scene.use(minute)
        point = (60.0 * minute, max(0, round(true + noise)))
        points, hours = appended(points, point), appended(hours, point, HOUR, MAX_HOURS)
        if minute % every:
            continue
        found = trend(points, hours)
        if found is not None:
            yield Told(minute, expected(found, MAX - point[1]), (MAX - true) / (MAX - start))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a leak: minutes until the first forecast, the share of the times with one after it.

    Then the largest error and the share of the truths between the ends, while more than `LEFT` of
    the way is left.
    """

    first: int
    share: float
    worst: float
    between: float


@functools.cache
def figures(scene: Scene, every: int = 5) -> Figures:
    """The figures of a leak."""
    full = scene.full or 0
    found = [one for one in told(scene, every) if one.left > LEFT]
    times = [minute for minute in range(QUIET, full, every) if minute >= found[0].minute]
    errors, hits = [], 0
    for one in found:
        truth = full - one.minute
        ends = one.forecast.soonest / 60 - SLACK, one.forecast.latest / 60 + SLACK
        errors.append(abs(one.forecast.seconds / 60 - truth) / truth)
        hits += ends[0] <= truth <= ends[1]
    possible = [minute for minute in times if minute < full - LEFT * (full - QUIET)]
    return Figures(
        found[0].minute - QUIET, len(found) / len(possible), max(errors), hits / len(found)
    )


@functools.cache
def late(scene: Scene, end: int, every: int = 2) -> int:
    """Minutes after the end of a leak in which there was still a forecast."""
    return max((one.minute - end for one in told(scene, every)), default=0)


@functools.cache
def days(scene: Scene) -> list[int]:
    """How many forecasts there were on each day, of one every ten minutes."""
    found = [0] * (scene.minutes // DAY)
    for one in told(scene, 10):
        found[one.minute // DAY] += 1
    return found


def _noise(scene: Scene) -> str:
    if not scene.noise:
        return "none"
    lasting = f", of which {scene.lasting:.0%} lasts a minute" if scene.lasting else ""
    return f"{scene.noise / 10:g} %{lasting}".replace("0%", "0 %").replace("5%", "5 %")


def row(scene: Scene) -> str:
    """The row of a scene."""
    return f"| {scene.name} | {_noise(scene)} | {' | '.join(_cells(scene))} |\n"


def _cells(scene: Scene) -> Iterator[str]:
    if scene.full:
        found = figures(scene)
        yield f"{found.first} min"
        yield f"{100 * found.share:.0f} %"
        yield f"{100 * found.worst:.1f} %"
        yield f"{100 * found.between:.0f} %"
    elif scene in PLATEAUS:
        yield f"until {late(scene, scene.minutes - 720)} min after the end"
    elif scene in DAILY:
        yield _days(days(scene))
    else:
        yield str(len(list(told(scene))) or "none")


def section() -> str:
    """The tables for the document."""
    found = [row(scene) for scene in SCENES]
    return "".join([LEAK_HEADER, *found[: len(LEAKS)], "\n", OTHER_HEADER, *found[len(LEAKS) :]])


def _days(counts: list[int]) -> str:
    if not any(counts):
        return "none"
    if not any(counts[1:]):
        return f"{counts[0]} of 144 on the first day, none later"
    return ", ".join(map(str, counts)) + " of 144 a day"


def document(text: str) -> str:
    """The text with the figures between their marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + section() + END + after


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(document(DOCUMENT.read_text()))
    else:
        sys.stdout.write(section())
