"""What xcp-rrdd is told of a pass: headroom, the fullest limit, wakeups."""

from __future__ import annotations

from typing import Final

from xenwatch.assessment import Assessment
from xenwatch.messages.requests import MOST_SHAPES, Values
from xenwatch.readings.qemus import Qemus
from xenwatch.values import dataclass

QEMUS: Final = "qemus"
"""The probe that reads the wakeups."""


@dataclass(frozen=True, slots=True)
class Wakeups:
    """A reading of QEMUs at an instant, and their wakeups per second until then."""

    qemus: Qemus
    instant: float
    rate: float | None = None


def wakeups(assessment: Assessment, before: Wakeups | None) -> Wakeups | None:
    """The wakeups of the QEMUs that ran at both readings; `None` while they cannot be read."""
    qemus = assessment.snapshot.qemus
    outcome = assessment.snapshot.outcomes.get(QEMUS)
    if qemus is None or outcome is None:
        return None
    if before is None:
        return Wakeups(qemus, outcome.instant)
    seconds = outcome.instant - before.instant
    if seconds == 0:
        return before
    old = {(each.pid, each.start_ticks): each.wakeups for each in before.qemus.by_domid.values()}
    woken = sum(
        max(0, each.wakeups - old[each.pid, each.start_ticks])
        for each in qemus.by_domid.values()
        if (each.pid, each.start_ticks) in old
    )
    return Wakeups(qemus, outcome.instant, woken / seconds)


def values(assessment: Assessment, found: Wakeups | None) -> Values:
    """The values of a pass; every shape of the rules has one, known or not."""
    plans = {shape.name: plan.batches for plan in assessment.plans for shape in plan.batch}
    shapes = sorted(shape.name for shape in assessment.rules.shapes.values())
    ratios = [state.ratio for state in assessment.states if state.ratio is not None]
    return Values(
        vms={name: plans.get(name) for name in shapes[:MOST_SHAPES]},
        fullest=max(ratios, default=None),
        wakeups=None if found is None else found.rate,
    )
