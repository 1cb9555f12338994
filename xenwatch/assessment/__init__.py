"""The assessment of one pass: made once, used by metrics, page, JSON, terminal and alerts.

A pure function of the snapshot, the rules of this site, and the assessment of the pass before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial

from xenwatch.alerts.conditions import Families
from xenwatch.alerts.declared.limit_full_soon import SECONDS_TO_FULL
from xenwatch.alerts.maintenance import Maintenance, current
from xenwatch.alerts.near_limit import LIMIT
from xenwatch.alerts.states import Alerts, Policy, step
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState, LimitStates, assess_limits, every_state
from xenwatch.planning.capacity import Batch, Plan, fit_each, fit_known
from xenwatch.planning.estimates import Learnt, learnt
from xenwatch.planning.forecast import History, forecast
from xenwatch.planning.learning import Learning
from xenwatch.planning.reserve import NONE, Reserve
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an assessment.

    `thresholds` override those of the table of limits, by name of limit. `shapes`, by name, are
    planned for in every pass. Without a `policy` no alerts are evaluated. `carried` is what was
    learnt on another host. `maintenance` is that of the configuration and of the file, ended or
    not; `None` in a command, which does not read the file. `reserve` is what plans keep free.
    """

    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=lambda: BUILT_IN)
    policy: Policy | None = None
    carried: Learning | None = None
    maintenance: tuple[Maintenance, ...] | None = None
    reserve: Reserve = NONE


@dataclass(frozen=True, slots=True)
class Assessment:
    """A snapshot and everything calculated from it; without the hostname.

    `states` are the limits' in the order of the table, `plans` one for a VM of each shape of the
    rules. `seconds_to_full` is the forecast by name of limit, made from `history`, the use of
    limits over time; `full_between` has the soonest and the latest, absent where a record lacks
    them, and that of those in `unforecast` raised. `alerts` is `None` if not evaluated, or not yet.
    `learning` is what was learnt of dom0 while VMs came and went, `learnt` what that says of the
    shapes of the rules. `fence` is around what is made of it, too. `by_limit` are the states again,
    for the next pass.
    """

    snapshot: Snapshot
    rules: Rules
    states: tuple[LimitState, ...]
    plans: tuple[Plan, ...]
    history: History
    seconds_to_full: Mapping[str, float]
    unforecast: frozenset[str]
    learning: Learning
    learnt: Mapping[Shape, Learnt]
    alerts: Alerts | None = None
    fence: Fence = field(default=OPEN, compare=False, repr=False)
    by_limit: Mapping[str, LimitStates] = field(default_factory=dict, compare=False, repr=False)
    full_between: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def maintenance(self) -> Maintenance | None:
        """The maintenance the host is in, `None` if it is in none."""
        return current(self.rules.maintenance or (), self.snapshot.time)

    def plan(self, batch: Batch, wanted: int | None = None) -> Plan:
        """The plan for a batch: that of this pass, or a new one."""
        if wanted is None:
            for plan in self.plans:
                if plan.batch == batch:
                    return plan
        known = dict(self.learnt)
        others = set(batch) - set(known)
        known |= _learnt(others, self.learning, self.rules.carried, self.fence)
        return fit_known(
            self.states,
            self.snapshot,
            batch,
            wanted,
            learnt=known,
            reserve=self.rules.reserve,
            fence=self.fence,
        )


def assess_pass(
    snapshot: Snapshot,
    rules: Rules | None = None,
    before: Assessment | None = None,
    learning: Learning | None = None,
    fence: Fence = OPEN,
) -> Assessment:
    """The assessment of a snapshot after `before`, without alerts.

    `learning` is what was learnt before, by default that of `before`. What raises within `fence` is
    unknown.
    """
    rules = rules or Rules()
    learning = learning or (before.learning if before else Learning())
    learning = fence(Part.LEARNING, "", partial(learning.updated, snapshot), learning)
    known = before.learnt if before else {}
    if before is None or before.learning is not learning or before.rules is not rules:
        known = _learnt(rules.shapes.values(), learning, rules.carried, fence)
    earlier = before.by_limit if before else None
    by_limit = assess_limits(snapshot, rules.thresholds, fence=fence, before=earlier)
    states = every_state(by_limit)
    history = (before.history if before else History()).updated(states, snapshot, fence)
    full, unforecast = forecast(history, states, fence)
    return Assessment(
        snapshot=snapshot,
        rules=rules,
        states=states,
        plans=fit_each(
            states,
            snapshot,
            rules.shapes.values(),
            learnt=known,
            reserve=rules.reserve,
            fence=fence,
        ),
        history=history,
        seconds_to_full={name: found.seconds for name, found in full.items()},
        full_between={name: (found.soonest, found.latest) for name, found in full.items()},
        unforecast=unforecast,
        learning=learning,
        learnt=known,
        fence=fence,
        by_limit=by_limit,
    )


def _learnt(
    shapes: Iterable[Shape], learning: Learning, carried: Learning | None, fence: Fence
) -> Mapping[Shape, Learnt]:
    found = (
        (shape, fence(Part.LEARNING, shape.name, partial(learnt, shape, learning, carried), None))
        for shape in shapes
    )
    return {shape: one for shape, one in found if one is not None}


def with_alerts(assessment: Assessment, families: Families, before: Alerts) -> Assessment:
    """The assessment with its alerts, evaluated on its limits and on its `families` of metrics.

    Only the families that alerts are about are looked up. Prometheus sees the same values
    (decisions 0012, 0016). `before` are the alerts so far. Without a policy the assessment stays as
    it is.
    """
    policy = assessment.rules.policy
    if policy is None:
        return assessment
    series = [((LIMIT, name),) for name in assessment.unforecast]
    alerts = step(
        before,
        families,
        assessment.snapshot,
        policy,
        limits=assessment.states,
        unknown={SECONDS_TO_FULL: series} if series else {},
        fence=assessment.fence,
    )
    return dataclasses.replace(assessment, alerts=alerts)
