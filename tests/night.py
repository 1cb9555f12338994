"""A record of a night on the synthetic host, for those who look for what happened in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.laws.test_law_11 import lived, recorded
from xenwatch.model.scenario_source import ScenarioSource, load

BEGAN: Final = 1769810400.0
"""2026-01-30 22:00 UTC."""
EVERY: Final = 120.0
LENGTH: Final = 16800.0


def made(path: Path, every: float = EVERY, length: float = LENGTH) -> None:
    """Record the scenario `bad-night` in a directory, a moment every so many seconds."""
    now, scenario = [BEGAN], load("bad-night")
    speed = scenario.speed
    source = ScenarioSource(scenario, 0.0, lambda: now[0] / speed, lambda: now[0])

    def step(number: int) -> float:
        now[0] = BEGAN + every * number
        return now[0]

    recorded(path, lived(source, step, int(length / every))).close()


if __name__ == "__main__":
    import sys

    made(Path(sys.argv[1]))
