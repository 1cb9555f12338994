"""Which moments are kept as they grow old, a pure function of their times.

Every one for an hour, one a minute for a day, one in ten minutes after that; and always those that
are marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.record.frames import Head
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """For moments older than `age` seconds: one in each `step` seconds is kept."""

    age: float
    step: float


LEVELS: Final = (Level(0.0, 0.0), Level(3600.0, 60.0), Level(86400.0, 600.0))


def level_at(age: float, *, whole: bool = False) -> int:
    """The level for moments of that age in seconds; those of a `whole` hour are thinned last."""
    level = max(number for number, level in enumerate(LEVELS) if age >= level.age or not number)
    return 0 if whole and level < len(LEVELS) - 1 else level


def kept(heads: Iterable[Head], level: int) -> Iterator[int]:
    """The numbers of the moments kept at a level: the first of each step, and the marked.

    Steps are counted from the first moment, with which a segment begins.
    """
    step, last, began = LEVELS[level].step, None, None
    for number, head in enumerate(heads):
        began = head.time if began is None else began
        now = (head.time - began) // step if step else number
        if now != last or head.marked:
            yield number
        last = now
