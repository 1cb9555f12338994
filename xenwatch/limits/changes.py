"""When a limit's severity has changed for the log: upwards at once, downwards with hysteresis.

Without it, a limit that flaps around a threshold would be logged in every pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.limits.states import LimitInstance, LimitState, Severity

MARGIN: Final = 0.02
"""Fraction of max, at least one unit, by which use must fall below a threshold to leave it at
once."""
SETTLED: Final = 300.0
"""Seconds after which a threshold is left although use stayed within the margin below it: as long
as an alert keeps firing by default."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The severity a limit was last logged with; `lower_since` is when it was first seen lower.

    In seconds of a monotonic clock; `None`: it is not lower.
    """

    severity: Severity
    lower_since: float | None = None


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """A limit whose severity has changed: the state it is in now, and what it was and is."""

    state: LimitState
    was: Severity
    now: Severity


def severity_changes(
    before: Mapping[LimitInstance, Logged], states: Iterable[LimitState], time: float
) -> tuple[dict[LimitInstance, Logged], list[SeverityChange]]:
    """What is logged after one more pass at `time`, and the changes to log.

    Unknown is no change for a limit that was never read. A labelled limit whose probe failed keeps
    its instances as they were: the failure of the probe is a log line already.
    """
    logged: dict[LimitInstance, Logged] = {}
    changes: list[SeverityChange] = []
    for state in states:
        name = state.limit.name
        if state.limit.label and not state.instance:
            logged |= {key: known for key, known in before.items() if key[0] == name}
            continue
        key = (name, state.instance)
        old = before.get(key)
        new = _next(old or Logged(Severity.OK), state, time)
        logged[key] = new
        was = old.severity if old else Severity.OK
        never_read = old is None and new.severity is Severity.UNKNOWN
        if new.severity is not was and not never_read:
            changes.append(SeverityChange(state, was, new.severity))
    return logged, changes


_RANK: Final = {Severity.OK: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


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
