"""The states of the alerts from pass to pass: ok, pending, firing, unknown.

`for` and the time an alert is kept after its condition has ended work as Prometheus's `for` and
`keep_firing_for` do, so that both change state on the same readings.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.bounds import Bounds
from xenwatch.alerts.conditions import EVERY, Condition, Evidence, Families, Found, Labels
from xenwatch.alerts.details import Vms
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.table import ALERTS
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.readings.snapshot import Outcome, Snapshot, Status


class State(enum.Enum):
    """What is known of an alert, the worst first. Unknown: its probe failed or a max is missing."""

    FIRING = "firing"
    PENDING = "pending"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration says of alerts.

    `seconds` is how long a condition must hold, `critical_seconds` the critical one of alerts where
    that differs, and `thresholds` those of the alert's own, all by alert's name; `bounds` are
    further numbers of alerts; `keep` for how many seconds every alert is kept after its condition
    has ended; `runbooks` what the file name of an alert's runbook is appended to, empty for the
    daemon's own; `scheme` that of links to the daemons.
    """

    seconds: Mapping[str, float]
    thresholds: Mapping[str, Thresholds]
    keep: float
    runbooks: str
    critical_seconds: Mapping[str, float] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)
    scheme: str = "http"

    def held(self, alert: str, severity: str) -> float:
        """For how many seconds the condition of an alert must hold until it has this severity."""
        seconds = self.seconds[alert]
        return self.critical_seconds.get(alert, seconds) if severity == CRITICAL else seconds


@dataclass(frozen=True, slots=True)
class Active:
    """One series of an alert that is pending or firing.

    `since` is when the condition began to hold, `fired` when the alert did (`None`: pending),
    `ended` when the condition was first seen not to hold any more (`None`: it holds), all as
    instants. `value` is the last one for which it held, `detail` what is to say besides then.
    """

    alert: Alert
    severity: str
    labels: Labels
    since: float
    value: float
    fired: float | None = None
    ended: float | None = None
    detail: str = ""

    @property
    def state(self) -> State:
        """Pending or firing."""
        return State.PENDING if self.fired is None else State.FIRING


SeriesKey = tuple[str, str, Labels]
"""Name of the alert, severity, labels of the series."""


@dataclass(frozen=True, slots=True)
class Change:
    """A series that changed state: `was` and `now`, at an instant."""

    active: Active
    was: State
    now: State
    instant: float


@dataclass(frozen=True, slots=True)
class Alerts:
    """All alerts after a pass: what is active, states by (name, severity), and what changed."""

    active: Mapping[SeriesKey, Active] = field(default_factory=dict)
    states: Mapping[tuple[str, str], State] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    @property
    def firing(self) -> tuple[Active, ...]:
        """What fires, the most severe first."""
        firing = (active for active in self.active.values() if active.state is State.FIRING)
        return tuple(sorted(firing, key=lambda each: (each.severity, each.alert.name, each.labels)))


def step(
    before: Alerts,
    families: Families,
    snapshot: Snapshot,
    policy: Policy,
    *,
    limits: Iterable[LimitState],
    unknown: Mapping[str, Iterable[Labels]] | None = None,
    table: Iterable[Alert] = ALERTS,
    fence: Fence = OPEN,
) -> Alerts:
    """The alerts after one more pass, whose metrics `families` were made of `snapshot`.

    `limits` are the states of the limits in that pass, `unknown` the series by metric that could
    not be made. What is no longer active is no longer pending at once; what fires keeps firing for
    `policy.keep` seconds, also where it is unknown whether its condition still holds. An alert that
    raises within `fence` is unknown.
    """
    by_limit: defaultdict[str, list[LimitState]] = defaultdict(list)
    for state in limits:
        by_limit[state.limit.name].append(state)
    evidence = Evidence(
        families, by_limit, policy.thresholds, policy.bounds, snapshot.time, unknown or {}
    )
    vms = Vms(families)
    active: dict[SeriesKey, Active] = {}
    states: dict[tuple[str, str], State] = {}
    changes: list[Change] = []
    for alert in table:
        outcome = snapshot.outcomes.get(alert.probe)
        for severity, condition in alert.conditions.items():
            judge = partial(_judged, condition, evidence)
            found, applies = fence(Part.ALERT, alert.name, judge, UNJUDGED)
            found = Found(found.active, found.unknown | _unread(alert, snapshot, by_limit))
            known = _known(alert, outcome, found, applies)
            held = {
                key: one for key, one in before.active.items() if key[:2] == (alert.name, severity)
            }
            now = _turn(alert, severity, found, held, policy=policy, now=snapshot.instant)
            now = {
                key: fence(Part.ALERT, alert.name, partial(_detailed, one, vms, found), one)
                for key, one in now.items()
            }
            active |= now
            was = _before(before.states.get((alert.name, severity)))
            changes += _changes(held, now, known, found, was=was, instant=snapshot.instant)
            worst = _worst(now.values(), known)
            if worst is not None:
                states[alert.name, severity] = worst
    return Alerts(active, states, tuple(changes))


def ended(before: Alerts, instant: float) -> Alerts:
    """The alerts once they are no longer evaluated: what was active is unknown from then on."""
    active = before.active.values()
    return Alerts(changes=tuple(Change(one, one.state, State.UNKNOWN, instant) for one in active))


def _judged(condition: Condition, evidence: Evidence) -> tuple[Found, bool]:
    """What a condition finds, and whether there is anything to find."""
    return condition.evaluate(evidence), condition.applies(evidence)


UNJUDGED: Final = (Found({}, frozenset({EVERY})), False)
"""Of a condition that raised."""


def _detailed(active: Active, vms: Vms, found: Found) -> Active:
    """With what is to say besides, as long as its condition holds."""
    details = active.alert.details
    if not details or active.labels not in found.active:
        return active
    labels = {**dict(active.labels), **active.alert.fixed}
    texts = (detail.sentence(vms, labels) for detail in details)
    return dataclasses.replace(active, detail=" ".join(filter(None, texts)))


def _unread(
    alert: Alert, snapshot: Snapshot, limits: Mapping[str, Sequence[LimitState]]
) -> frozenset[Labels]:
    """The series that cannot be judged because the probe of their own, or their limit, failed."""
    found = ((value, snapshot.outcomes.get(name)) for value, name in alert.probes.items())
    return frozenset(
        ((alert.labels[0], value),)
        for value, outcome in found
        if (outcome and outcome.status is Status.FAILED)
        or any(state.used is None for state in limits.get(value, ()))
    )


def _known(alert: Alert, outcome: Outcome | None, found: Found, applies: bool) -> State | None:
    """Ok, or unknown, or `None` where this host has nothing of the kind."""
    if alert.probe:
        if outcome is None or outcome.status in (Status.NOT_APPLICABLE, Status.DISABLED):
            return None
        if outcome.status is Status.FAILED:
            return State.UNKNOWN
    if found.unknown:
        return State.UNKNOWN
    return State.OK if alert.sparse or applies else None


def _turn(
    alert: Alert,
    severity: str,
    found: Found,
    held: Mapping[SeriesKey, Active],
    *,
    policy: Policy,
    now: float,
) -> dict[SeriesKey, Active]:
    """What is active of an alert now."""
    active: dict[SeriesKey, Active] = {}
    for labels, value in found.active.items():
        key = (alert.name, severity, labels)
        new = Active(alert, severity, labels, now, value)
        held_on = dataclasses.replace(held.get(key, new), value=value, ended=None)
        due = now - held_on.since >= policy.held(alert.name, severity)
        fired = now if held_on.fired is None and due else held_on.fired
        active[key] = dataclasses.replace(held_on, fired=fired)
    for key, old in held.items():
        if key in active or old.state is not State.FIRING:
            continue
        ended = now if old.ended is None else old.ended
        if now - ended < policy.keep:
            active[key] = dataclasses.replace(old, ended=ended)
    return active


def _changes(
    held: Mapping[SeriesKey, Active],
    now: Mapping[SeriesKey, Active],
    known: State | None,
    found: Found,
    *,
    was: State,
    instant: float,
) -> Iterable[Change]:
    for key, new in now.items():
        old_state = held[key].state if key in held else was
        if new.state is not old_state:
            yield Change(new, old_state, new.state, instant)
    for key, old in held.items():
        if key not in now:
            unsure = not found.unknown or {old.labels, EVERY} & found.unknown
            lost = known is State.UNKNOWN and bool(unsure)
            yield Change(old, old.state, State.UNKNOWN if lost else State.OK, instant)


def _before(state: State | None) -> State:
    """What a series was that was not active, by the state of its alert."""
    return State.UNKNOWN if state is State.UNKNOWN else State.OK


def _worst(active: Iterable[Active], known: State | None) -> State | None:
    found = {one.state for one in active} | ({known} if known is not None else set())
    return next((state for state in State if state in found), None)
