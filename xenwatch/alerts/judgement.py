"""What a condition says of a pass, kept as long as what it was judged on is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.alerts.conditions import EVERY, Condition, Evidence, Found
from xenwatch.exposition.text_format import Family
from xenwatch.limits.states import LimitState
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a condition finds, and whether there is anything to find.

    `families` and `states` are the evidence it was judged on, by name; `None` where it was judged
    on the time too, or on series that are unknown, or could not be judged.
    """

    found: Found
    applies: bool
    families: Mapping[str, Family | None] | None = None
    states: Mapping[str, Sequence[LimitState]] | None = None

    def holds(self, evidence: Evidence) -> bool:
        """Whether the condition would be judged the same on this evidence."""
        if self.families is None or self.states is None:
            return False
        if not evidence.unknown.keys().isdisjoint(self.families):
            return False
        return all(
            evidence.families.get(name) is family for name, family in self.families.items()
        ) and all(evidence.states.get(name, ()) == states for name, states in self.states.items())


UNJUDGED: Final = Judgement(Found({}, frozenset({EVERY})), applies=False)
"""Of a condition that raised."""


def judge(condition: Condition, evidence: Evidence) -> Judgement:
    """What a condition says of the evidence."""
    noted = evidence.noted
    noted.clear()
    found, applies = condition.evaluate(evidence), condition.applies(evidence)
    if noted.time or not evidence.unknown.keys().isdisjoint(noted.families):
        return Judgement(found, applies)
    return Judgement(found, applies, dict(noted.families), dict(noted.states))
