"""The states of the alerts from pass to pass: ok, pending, firing, unknown.

`for` and the time an alert is kept after its condition has ended work as Prometheus's `for` and
`keep_firing_for` do, so that both change state on the same readings.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from functools import partial
from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.bounds import Bounds
from xenwatch.alerts.conditions import EVERY, Evidence, Families, Found, Labels
from xenwatch.alerts.details import Vms
from xenwatch.alerts.judgement import UNJUDGED, Judgement, differing, judge
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.table import ALERTS
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.values import dataclass


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
class Judgements:
    """What the conditions said of a pass, by (name, severity) of the alert, under a policy."""

    policy: Policy | None = None
    made: Mapping[tuple[str, str], Judgement] = field(default_factory=dict)


NONE: Final = Judgements()
NOTHING: Final[frozenset[Labels]] = frozenset()


@dataclass(frozen=True, slots=True)
class Alerts:
    """All alerts after a pass: what is active, states by (name, severity), and what changed.

    `judgements` are for the next pass.
    """

    active: Mapping[SeriesKey, Active] = field(default_factory=dict)
    states: Mapping[tuple[str, str], State] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    judgements: Judgements = field(default=NONE, compare=False, repr=False)

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
    unread = {name for name, found in by_limit.items() if any(s.used is None for s in found)}
    evidence = Evidence(
        families, by_limit, policy.thresholds, policy.bounds, snapshot.time, unknown or {}
    )
    vms = Vms(families)
    kept = before.judgements.made if before.judgements.policy is policy else {}
    others = differing(kept.values(), evidence)
    made: dict[tuple[str, str], Judgement] = {}
    held = _by_alert(before.active)
    active: dict[SeriesKey, Active] = {}
    states: dict[tuple[str, str], State] = {}
    changes: list[Change] = []
    for alert in table:
        outcome = snapshot.outcomes.get(alert.probe)
        unjudged = _unread(alert, snapshot, unread) if alert.probes else NOTHING
        for severity, condition in alert.conditions.items():
            key = alert.name, severity
            judgement = kept.get(key)
            if judgement is None or not judgement.holds(*others):
                work = partial(judge, condition, evidence)
                judgement = fence(Part.ALERT, alert.name, work, UNJUDGED)
            made[key] = judgement
            found = judgement.found.with_unknown(unjudged)
            worst = known = _known(alert, outcome, found, judgement.applies)
            earlier = held.get(key, {})
            if found.active or earlier:
                now = _turn(alert, severity, found, earlier, policy=policy, now=snapshot.instant)
                now = {
                    key: fence(Part.ALERT, alert.name, partial(_detailed, one, vms, found), one)
                    for key, one in now.items()
                }
                active |= now
                was = _before(before.states.get(key))
                changes += _changes(earlier, now, known, found, was=was, instant=snapshot.instant)
                worst = _worst(now.values(), known)
            if worst is not None:
                states[key] = worst
    return Alerts(active, states, tuple(changes), Judgements(policy, made))


def _by_alert(
    active: Mapping[SeriesKey, Active],
) -> Mapping[tuple[str, str], Mapping[SeriesKey, Active]]:
    """What is active by (name, severity) of the alert."""
    found: defaultdict[tuple[str, str], dict[SeriesKey, Active]] = defaultdict(dict)
    for key, one in active.items():
        found[key[:2]][key] = one
    return found


def ended(before: Alerts, instant: float) -> Alerts:
    """The alerts once they are no longer evaluated: what was active is unknown from then on."""
    active = before.active.values()
    return Alerts(changes=tuple(Change(one, one.state, State.UNKNOWN, instant) for one in active))


def _detailed(active: Active, vms: Vms, found: Found) -> Active:
    """With what is to say besides, as long as its condition holds."""
    details = active.alert.details
    if not details or active.labels not in found.active:
        return active
    labels = {**dict(active.labels), **active.alert.fixed}
    texts = (detail.sentence(vms, labels) for detail in details)
    return dataclasses.replace(active, detail=" ".join(filter(None, texts)))


def _unread(alert: Alert, snapshot: Snapshot, limits: Collection[str]) -> frozenset[Labels]:
    """The series that cannot be judged: their own probe failed, or their limit is of these."""
    found = ((value, snapshot.outcomes.get(name)) for value, name in alert.probes.items())
    return frozenset(
        ((alert.labels[0], value),)
        for value, outcome in found
        if (outcome and outcome.status is Status.FAILED) or value in limits
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
