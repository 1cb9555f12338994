"""From snapshot to bytes: a pass is rendered once after a change and served any number of times."""

from __future__ import annotations

import dataclasses
import functools
import gzip
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from xenwatch import metrics, threads
from xenwatch.alerts import messages
from xenwatch.alerts.runbooks import DIRECTORY
from xenwatch.alerts.states import Alerts, Change, State, ended
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.clock import Clock
from xenwatch.exposition import text_format
from xenwatch.limits.changes import Logged, SeverityChange, severity_changes
from xenwatch.limits.states import LimitInstance, LimitState, Severity
from xenwatch.metrics.process import own_process
from xenwatch.passes.scheduler import Scheduler
from xenwatch.readings.snapshot import Snapshot

DELAY: Final = 0.05
"""Seconds between a change and the rendering, in which further changes are collected."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenderedPass:
    """The assessment of a pass, and its metrics as bytes by (OpenMetrics?, gzip?)."""

    assessment: Assessment
    metrics: Mapping[tuple[bool, bool], bytes]


def restrict(snapshot: Snapshot, probes: Collection[str]) -> Snapshot:
    """The snapshot with the readings of these probes only."""
    names = snapshot.outcomes.keys() | {field.name for field in dataclasses.fields(snapshot)}
    dropped = names - set(probes) - {"time", "outcomes"}
    outcomes = {name: found for name, found in snapshot.outcomes.items() if name in probes}
    nothing: dict[str, Any] = dict.fromkeys(dropped)
    return dataclasses.replace(snapshot, outcomes=outcomes, **nothing)


def render(
    snapshot: Snapshot,
    rules: Rules,
    overruns: Mapping[str, int],
    *,
    before: Assessment | None = None,
    alerts: Alerts | None = None,
) -> RenderedPass:
    """A snapshot assessed, and its metrics in both formats, plain and compressed.

    `before` is the assessment of the pass before, `alerts` the alerts so far.
    """
    assessment = assess_pass(snapshot, rules, before)
    families = [*metrics.families(assessment, overruns), *own_process()]
    assessment = with_alerts(assessment, families, alerts or Alerts())
    if assessment.alerts is not None:
        families.append(metrics.alert_states(assessment))
    bodies: dict[tuple[bool, bool], bytes] = {}
    for openmetrics, body in zip((False, True), text_format.both(families), strict=True):
        bodies[openmetrics, False] = body
        bodies[openmetrics, True] = gzip.compress(body, compresslevel=1, mtime=0)
    return RenderedPass(assessment, bodies)


class Publisher:
    """Keeps `newest`, the newest snapshot rendered; `None` while there is nothing to serve.

    `complete` says whether every probe had run by then. `rules` may be replaced at any time.
    `on_alerts` is called with the alerts of each complete pass; `alerts` may be set to those of
    before a restart.
    """

    def __init__(self, scheduler: Scheduler, rules: Rules, clock: Clock) -> None:
        self.newest: RenderedPass | None = None
        self.complete = False
        self.rules = rules
        self.alerts = Alerts()
        self.on_alerts: Callable[[Alerts], None] = lambda _: None
        self._before: Assessment | None = None
        self._scheduler = scheduler
        self._clock = clock
        self._logged: Mapping[LimitInstance, Logged] = {}

    async def run(self) -> None:
        """Render after every change, until cancelled."""
        while True:
            await self._scheduler.changed.wait()
            await self._clock.sleep(DELAY)
            self._scheduler.changed.clear()
            complete = self._scheduler.ready.is_set()
            try:
                # Missing readings must not resolve an alert that fired before a restart.
                rules = self.rules if complete else _without_alerts(self.rules)
                newest = await self._rendered(self._scheduler.snapshot, rules)
            except Exception:  # noqa: BLE001 - a defect here must not end the daemon
                # Stale metrics would look current: serve none instead.
                _log.exception("rendering metrics failed; serving none until it works again")
                self.newest, self.complete = None, False
            else:
                self._publish(newest, complete)

    def _publish(self, newest: RenderedPass, complete: bool) -> None:
        assessment = newest.assessment
        self._log_changes(assessment.states)
        self.newest, self.complete, self._before = newest, complete, assessment
        if complete:
            self._set_alerts(assessment)

    def _log_changes(self, states: tuple[LimitState, ...]) -> None:
        self._logged, changes = severity_changes(self._logged, states, self._clock.monotonic())
        for change in changes:
            _log_change(change)

    def _set_alerts(self, assessment: Assessment) -> None:
        """Log the changes and pass the alerts on; disabled alerts end."""
        self.alerts = assessment.alerts or ended(self.alerts, assessment.snapshot.time)
        policy = assessment.rules.policy
        for change in self.alerts.changes:
            _log_alert(change, policy.runbooks if policy else "")
        self.on_alerts(self.alerts)

    async def part(self, probes: Collection[str]) -> RenderedPass:
        """The newest snapshot restricted to these probes, rendered."""
        snapshot = restrict(self._scheduler.snapshot, probes)
        return await self._rendered(snapshot, _without_alerts(self.rules))

    async def _rendered(self, snapshot: Snapshot, rules: Rules) -> RenderedPass:
        overruns = {
            name: number
            for name, number in self._scheduler.overruns.items()
            if name in snapshot.outcomes
        }
        work = functools.partial(
            render, snapshot, rules, overruns, before=self._before, alerts=self.alerts
        )
        return await threads.start(work, "publisher")


def _without_alerts(rules: Rules) -> Rules:
    return dataclasses.replace(rules, policy=None)


def _log_change(change: SeverityChange) -> None:
    """Log the new severity of a limit."""
    state = change.state
    fields: dict[str, object] = {
        "limit": state.limit.name,
        "instance": state.instance,
        "severity": change.now.value,
    }
    if state.used is not None and state.max is not None:
        fields |= {"used": state.used, "max": state.max.value, "ratio": state.ratio}
    bad = change.now in (Severity.WARNING, Severity.CRITICAL)
    (_log.warning if bad else _log.info)("limit changed", was=change.was.value, **fields)


def _log_alert(change: Change, runbooks: str) -> None:
    """Log an alert that is pending, firing or resolved; if firing, with the next step."""
    active = change.active
    message = messages.of_active(active, "", runbooks or f"{DIRECTORY}/")
    fields = {
        "alert": active.alert.title,
        "severity": active.severity,
        "labels": dict(active.labels),
        "was": change.was.value,
        "state": change.now.value,
        "summary": message.annotations["summary"],
    }
    if change.now is State.FIRING:
        _log.warning("alert changed", **fields, next=f"see {message.annotations['runbook_url']}")
    elif change.was is State.FIRING:
        _log.info("alert changed", **fields)
    else:
        _log.debug("alert changed", **fields)
