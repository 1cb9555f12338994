"""Pages and policies for tests of alerts."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.alerts.conditions import Condition, Page, Selector
from xenwatch.alerts.states import Alerts, Policy, step
from xenwatch.alerts.table import ALERTS, Alert
from xenwatch.exposition.text_format import Family
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

LEAK = Alert(
    name="leak",
    summary="{what} at {value}",
    description="{value} of {what}",
    conditions={
        "warning": Condition(
            Selector("used"),
            ">=",
            Selector("threshold", {"severity": ("warning",)}),
            Selector("max"),
        )
    },
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


def page(
    used: float | None = None, most: float | None = 100, threshold: float | None = 0.8
) -> Page:
    """A page on which `used` of `most` are used; what is `None` is not there."""
    families = (
        family("used", {} if used is None else {("a",): used}, "what"),
        family("max", {} if most is None else {("a",): most}, "what"),
        family("threshold", {} if threshold is None else {("warning",): threshold}, "severity"),
    )
    return {it.name: it for it in families}


def snapshot(time: float, status: Status = Status.OK) -> Snapshot:
    """A snapshot at `time` whose probe fared so."""
    return Snapshot(time, {"aio": Outcome(status)})


def walk(*pages: tuple[float, Page], policy: Policy = POLICY) -> list[Alerts]:
    """The states of `LEAK` after each page at its time."""
    found = [Alerts()]
    for time, it in pages:
        found.append(step(found[-1], it, snapshot(time), policy, [LEAK]))
    return found[1:]
