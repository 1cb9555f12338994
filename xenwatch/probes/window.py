"""The rate of a counter over the last minutes, as the memory of a probe keeps its samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WINDOW: Final = 300.0
"""Seconds over which a rate is taken."""

Samples = tuple[tuple[float, float], ...]
"""Uptime in seconds and the counter then, the oldest first."""


def extended(samples: Samples, now: float, value: float) -> Samples:
    """The samples of the last minutes with one more, and one that is older, if any.

    A counter that has fallen, and a clock that was set back, begin anew.
    """
    if samples and (samples[-1][1] > value or samples[-1][0] > now):
        samples = ()
    inside = [sample for sample in samples if sample[0] > now - WINDOW]
    before = samples[: len(samples) - len(inside)][-1:]
    return (*before, *inside, (now, value))


def rate(samples: Sequence[tuple[float, float]]) -> float | None:
    """What the counter rises a second; `None` with fewer than two samples."""
    if not samples or samples[-1][0] <= samples[0][0]:
        return None
    return (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0])
