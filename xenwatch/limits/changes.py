"""When a limit's severity has changed for the log: upwards at once, downwards with hysteresis.

Without it, a limit that flaps around a threshold would be logged in every pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from xenwatch.limits.states import LimitState, LimitStates, Severity
from xenwatch.values import dataclass

MARGIN: Final = 0.02
"""Fraction of max, at least one unit, by which use must fall below a threshold to leave it at
once."""
SETTLED: Final = 300.0
"""Seconds after which a threshold is left although use stayed within the margin below it: as long
as an alert keeps firing by default."""


REMEMBERED: Final = 3600.0
"""Seconds for which it is remembered that an instance was not ok when it went away."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The severity a limit was last logged with.

    `lower_since` is when it was first seen lower, `gone_since` when its instance was first gone, as
    instants; `None`: it is not.
    """

    severity: Severity
    lower_since: float | None = None
    gone_since: float | None = None

    @property
    def is_steady(self) -> bool:
        """Whether it is there, and was not lower last."""
        return self.lower_since is None and self.gone_since is None


@dataclass(frozen=True, slots=True)
class LoggedLimit:
    """What the instances of a limit were last logged with, after a pass that had `states` of it."""

    states: Sequence[LimitState]
    instances: Mapping[str, Logged]
    is_steady: bool


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """A limit whose severity has changed: the state it is in now, and what it was and is."""

    state: LimitState
    was: Severity
    now: Severity


def severity_changes(
    before: Mapping[str, LoggedLimit], limits: Mapping[str, LimitStates], time: float
) -> tuple[dict[str, LoggedLimit], list[SeverityChange]]:
    """What is logged after one more pass at `time`, by name of limit, and the changes to log.

    What a limit was before it was first read is unknown, and that it is ok or still unknown is not
    logged. A labelled limit whose probe failed keeps its instances as they were: the failure of the
    probe is a log line already. An instance that comes back was what it was when it went away.
    """
    logged: dict[str, LoggedLimit] = {}
    changes: list[SeverityChange] = []
    for name in (*limits, *(name for name in before if name not in limits)):
        old = before.get(name, _NEVER)
        states = limits[name].states if name in limits else _NEVER.states
        if old.is_steady and old.states is states:  # as nearly all of them
            logged[name] = old
            continue
        instances, found = _of_limit(old.instances, states, time)
        changes += found
        if instances or states:
            is_steady = all(known.is_steady for known in instances.values())
            logged[name] = LoggedLimit(states, instances, is_steady)
    return logged, changes


_NEVER: Final = LoggedLimit((), {}, is_steady=False)


def _of_limit(
    before: Mapping[str, Logged], states: Iterable[LimitState], time: float
) -> tuple[dict[str, Logged], list[SeverityChange]]:
    """The same of one limit, by instance."""
    logged: dict[str, Logged] = {}
    changes: list[SeverityChange] = []
    for state in states:
        if state.limit.label and not state.instance:
            logged |= before
            continue
        old, now = before.get(state.instance), state.severity
        if old is not None and old.is_steady and old.severity is now:
            logged[state.instance] = old
            continue
        new = _next(old or Logged(Severity.OK), state, time)
        logged[state.instance] = new
        was = old.severity if old else Severity.UNKNOWN
        first = old is None and new.severity is Severity.OK
        if new.severity is not was and not first:
            changes.append(SeverityChange(state, was, new.severity))
    gone = {key: _gone(known, time) for key, known in before.items() if key not in logged}
    return logged | {key: known for key, known in gone.items() if known is not None}, changes


_RANK: Final = {Severity.OK: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def _gone(known: Logged, time: float) -> Logged | None:
    """What is remembered of an instance that is gone."""
    since = time if known.gone_since is None else known.gone_since
    if _RANK.get(known.severity, 0) == 0 or time - since >= REMEMBERED:
        return None
    return Logged(known.severity, gone_since=since)


def _next(old: Logged, state: LimitState, time: float) -> Logged:
    now = state.severity
    if Severity.UNKNOWN in (now, old.severity) or _RANK[now] >= _RANK[old.severity]:
        return Logged(now)
    since = time if old.lower_since is None else old.lower_since
    if _clearly_below(state, old.severity) or time - since >= SETTLED:
        return Logged(now)
    return Logged(old.severity, since)


def _clearly_below(state: LimitState, severity: Severity) -> bool:
    """Whether use is below the threshold by more than the margin."""
    bounds = state.thresholds
    threshold = bounds.critical if severity is Severity.CRITICAL else bounds.warning
    if threshold is None or state.used is None or state.max is None:
        return True
    most = state.max.value
    return state.used + max(1, MARGIN * most) < threshold * most
