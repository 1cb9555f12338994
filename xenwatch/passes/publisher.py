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
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import NO_LABELS, Sender
from xenwatch.alerts.runbooks import DIRECTORY
from xenwatch.alerts.states import Alerts, Change, State, ended
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.clock import Clock
from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Family
from xenwatch.limits.changes import Logged, SeverityChange, severity_changes
from xenwatch.limits.states import LimitInstance, LimitState, Severity
from xenwatch.metrics.process import own_process
from xenwatch.passes.scheduler import Scheduler
from xenwatch.planning.learning import Learning
from xenwatch.readings.snapshot import Snapshot

DELAY: Final = 0.05
"""Seconds between a change and the rendering, in which further changes are collected."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenderedPass:
    """The assessment of a pass, and its metrics as bytes by (OpenMetrics?, gzip?)."""

    assessment: Assessment
    metrics: Mapping[tuple[bool, bool], bytes]


def restrict(assessment: Assessment, probes: Collection[str]) -> Assessment:
    """The assessment with the readings, limits and forecasts of these probes only.

    Plans depend on every limit, so they are kept only if the probes of all limits are.
    """
    snapshot = assessment.snapshot
    names = snapshot.outcomes.keys() | {field.name for field in dataclasses.fields(snapshot)}
    nothing: dict[str, Any] = dict.fromkeys(names - set(probes) - {"time", "outcomes", "origin"})
    outcomes = {name: found for name, found in snapshot.outcomes.items() if name in probes}
    states = tuple(state for state in assessment.states if state.limit.probe in probes)
    kept = {state.limit.name for state in states}
    return dataclasses.replace(
        assessment,
        snapshot=dataclasses.replace(snapshot, outcomes=outcomes, **nothing),
        states=states,
        plans=assessment.plans if len(states) == len(assessment.states) else (),
        seconds_to_full={
            name: seconds for name, seconds in assessment.seconds_to_full.items() if name in kept
        },
        alerts=None,
    )


def render(
    snapshot: Snapshot,
    rules: Rules,
    overruns: Mapping[str, int],
    *,
    before: Assessment | None = None,
    alerts: Alerts | None = None,
    learning: Learning | None = None,
    labels: Mapping[str, str] = NO_LABELS,
    textfile_failures: int | None = None,
) -> RenderedPass:
    """A snapshot assessed, and its metrics in both formats, plain and compressed.

    `before` is the assessment of the pass before, `alerts` the alerts so far, `learning` what was
    learnt so far, `labels` are added to every metric, `textfile_failures` is one of them.
    """
    assessment = assess_pass(snapshot, rules, before, learning)
    families = [*metrics.families(assessment, overruns, textfile_failures), *own_process()]
    assessment = with_alerts(assessment, families, alerts or Alerts())
    if assessment.alerts is not None:
        families.append(metrics.alert_states(assessment))
    return RenderedPass(assessment, _bodies(families, labels))


def render_part(
    assessment: Assessment,
    probes: Collection[str],
    overruns: Mapping[str, int],
    labels: Mapping[str, str] = NO_LABELS,
) -> RenderedPass:
    """An assessment restricted to these probes, and its metrics without alerts."""
    part = restrict(assessment, probes)
    counted = {name: number for name, number in overruns.items() if name in probes}
    families = [*metrics.families(part, counted), *own_process()]
    return RenderedPass(part, _bodies(families, labels))


def _bodies(families: list[Family], labels: Mapping[str, str]) -> Mapping[tuple[bool, bool], bytes]:
    families = text_format.labelled(families, labels) if labels else families
    bodies: dict[tuple[bool, bool], bytes] = {}
    for openmetrics, body in zip((False, True), text_format.both(families), strict=True):
        bodies[openmetrics, False] = body
        bodies[openmetrics, True] = gzip.compress(body, compresslevel=1, mtime=0)
    return bodies


class Publisher:
    """Keeps `newest`, the newest snapshot rendered; `None` while there is nothing to serve.

    `complete` says whether every probe had run by then. `rules` may be replaced at any time.
    `labels` are added to every metric. `on_alerts` is called with the alerts of each complete pass,
    the maintenance of the host, and for how many seconds alerts are kept; `on_change` whenever
    `newest` is another. `alerts` may be set to those of before a restart, `learning` to what was
    learnt, `textfile_failures` to what counts them.
    """

    def __init__(self, scheduler: Scheduler, rules: Rules, clock: Clock) -> None:
        self.newest: RenderedPass | None = None
        self.complete = False
        self.rules = rules
        self.labels: Mapping[str, str] = NO_LABELS
        self.alerts = Alerts()
        self.learning = Learning()
        self.on_alerts: Callable[[Alerts, Maintenance | None, float], None] = lambda *_: None
        self.on_change: Callable[[], None] = lambda: None
        self.textfile_failures: Callable[[], int | None] = lambda: None
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
                _log.exception("rendering metrics failed; serving no metrics until it recovers")
                self.newest, self.complete = None, False
            else:
                self._publish(newest, complete)
            self.on_change()

    def _publish(self, newest: RenderedPass, complete: bool) -> None:
        assessment = newest.assessment
        self._log_changes(assessment.states)
        self.newest, self.complete, self._before = newest, complete, assessment
        self.learning = assessment.learning
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
        if policy is None:
            self.on_alerts(self.alerts, None, 0.0)
        else:
            self.on_alerts(self.alerts, assessment.maintenance, policy.keep)

    def text(self) -> bytes | None:
        """The newest metrics as Prometheus text; `None` until the first pass is complete."""
        newest = self.newest
        return newest.metrics[False, False] if newest and self.complete else None

    async def part(self, probes: Collection[str]) -> RenderedPass | None:
        """The newest pass restricted to these probes, rendered; `None` while there is none."""
        if self.newest is None:
            return None
        work = functools.partial(
            render_part,
            self.newest.assessment,
            probes,
            dict(self._scheduler.overruns),
            self.labels,
        )
        return await threads.start(work, "publisher")

    async def _rendered(self, snapshot: Snapshot, rules: Rules) -> RenderedPass:
        work = functools.partial(
            render,
            snapshot,
            rules,
            dict(self._scheduler.overruns),
            before=self._before,
            alerts=self.alerts,
            learning=self.learning,
            labels=self.labels,
            textfile_failures=self.textfile_failures(),
        )
        async with self._scheduler.turns.turn():
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
    message = messages.of_active(active, Sender("", runbooks or f"{DIRECTORY}/"))
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
