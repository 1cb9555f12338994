"""What a condition says of a pass, kept as long as what it was judged on is the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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

    def holds(self, families: Collection[str], states: Collection[str]) -> bool:
        """Whether the condition would be judged the same where only these differ, by name."""
        if self.families is None or self.states is None:
            return False
        return self.families.keys().isdisjoint(families) and self.states.keys().isdisjoint(states)


def differing(
    made: Iterable[Judgement], evidence: Evidence
) -> tuple[Collection[str], Collection[str]]:
    """The names of families, and of limits, by which the evidence differs from that of all these.

    Found once for all conditions, most of which are about the same few. What two judgements were
    both made of is the same in both: those of a pass are of its evidence, or hold for it.
    """
    families: dict[str, Family | None] = {}
    states: dict[str, Sequence[LimitState]] = {}
    for one in made:
        families.update(one.families or {})
        states.update(one.states or {})
    others = {
        name for name, family in families.items() if evidence.families.get(name) is not family
    }
    limits = {name for name, found in states.items() if evidence.states.get(name, ()) != found}
    return others | evidence.unknown.keys(), limits


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
