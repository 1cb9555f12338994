"""Limits, pages and policies for tests of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import LimitCondition
from xenwatch.alerts.states import Alerts, Policy, step
from xenwatch.alerts.table import ALERTS
from xenwatch.exposition.text_format import Family
from xenwatch.limits.base import Limit, Max, Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

LEAKING = Limit(
    name="leak",
    title="leaks",
    probe="aio",
    used=lambda _: {},
    max=lambda _: {},
    thresholds=Thresholds(0.8, None),
    source="",
    symptom="",
    reference="",
    label="what",
)
LEAK = Alert(
    name="leak",
    summary="{what} at {value}",
    description="{value} of {what}",
    first="ps",
    conditions={"warning": LimitCondition(LEAKING, "warning")},
    seconds=60,
    labels=("what",),
    shown="percent",
    probe="aio",
    sparse=False,
)
POLICY = Policy({alert.name: alert.seconds for alert in (*ALERTS, LEAK)}, {}, 300, "runbooks/")


def family(name: str, samples: Mapping[tuple[str, ...], float], *labels: str) -> Family:
    """A gauge."""
    return Family(name, "gauge", "", labels, list(samples.items()))


def leak(
    used: int | None = None, most: int | None = 100, threshold: float | None = 0.8
) -> Sequence[LimitState]:
    """The limit with `used` of `most` used; what is `None` is not there."""
    if used is None:
        return ()
    maximum = None if most is None else Max(most, "")
    return (LimitState(LEAKING, "a", used, maximum, Thresholds(threshold, None)),)


def snapshot(time: float, status: Status = Status.OK) -> Snapshot:
    """A snapshot at `time` whose probe fared so."""
    return Snapshot(time, {"aio": Outcome(status)}, instant=time)


def after(
    before: Alerts, limits: Iterable[LimitState], now: Snapshot, policy: Policy = POLICY
) -> Alerts:
    """The state of `LEAK` after one more page."""
    return step(before, {}, now, policy, limits=limits, table=[LEAK])


def walk(*pages: tuple[float, Sequence[LimitState]], policy: Policy = POLICY) -> list[Alerts]:
    """The states of `LEAK` after each page at its time."""
    found = [Alerts()]
    for time, limits in pages:
        found.append(after(found[-1], limits, snapshot(time), policy))
    return found[1:]
