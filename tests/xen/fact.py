"""A value of a metric by another road than xenwatch's."""

from __future__ import annotations

from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A metric's value by another road.

    What moves by itself is taken before and after xenwatch's value, which must lie between the two
    or no more than `slack` beside them.
    """

    metric: str
    value: float
    road: str
    labels: Labels = ()
    slack: float = 0.0
