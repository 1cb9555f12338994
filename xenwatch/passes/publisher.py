"""From snapshot to bytes: a page is rendered once after a change and served any number of times."""

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
from xenwatch.alerts.states import Alerts, Change, Policy, State, ended, step
from xenwatch.clock import Clock
from xenwatch.exposition import text_format
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState, Severity, assess
from xenwatch.metrics.process import own_process
from xenwatch.passes.scheduler import Engine
from xenwatch.planning.capacity import fit_each
from xenwatch.planning.forecast import History, forecast
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.readings.snapshot import Snapshot

DELAY: Final = 0.05
"""Seconds between a change and the rendering, in which further changes are gathered."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered snapshot: the body by (OpenMetrics?, gzip?), and the states it shows.

    `history` and `alerts` are those of the page before, with these states; `alerts` is `None`
    where none were evaluated.
    """

    bodies: Mapping[tuple[bool, bool], bytes]
    states: tuple[LimitState, ...]
    snapshot: Snapshot = dataclasses.field(default_factory=Snapshot)
    history: History = dataclasses.field(default_factory=History)
    alerts: Alerts | None = None


def restrict(snapshot: Snapshot, probes: Collection[str]) -> Snapshot:
    """The snapshot as if there were no probes but these."""
    names = snapshot.outcomes.keys() | {field.name for field in dataclasses.fields(snapshot)}
    dropped = names - set(probes) - {"time", "outcomes", "kept"}
    outcomes = {name: it for name, it in snapshot.outcomes.items() if name in probes}
    nothing: dict[str, Any] = dict.fromkeys(dropped)
    return dataclasses.replace(snapshot, outcomes=outcomes, kept={}, **nothing)


def render(
    snapshot: Snapshot,
    thresholds: Mapping[str, Thresholds],
    overruns: Mapping[str, int],
    shapes: Mapping[str, Shape] = BUILT_IN,
    *,
    history: History | None = None,
    policy: Policy | None = None,
    alerts: Alerts | None = None,
) -> Page:
    """The page of a snapshot, in both formats, plain and packed.

    `history` and `alerts` are those of the page before; without a `policy` there are no alerts.
    """
    states = assess(snapshot, thresholds)
    stats = metrics.EngineStats(overruns=overruns)
    history = (history or History()).updated(states, snapshot)
    plans = fit_each(states, snapshot, shapes.values())
    bounds = policy.thresholds if policy else {}
    outlook = metrics.Outlook(plans, forecast(history, states), bounds)
    families = [*metrics.families(snapshot, states, stats, outlook), *own_process()]
    found: Alerts | None = None
    if policy is not None:
        found = step(alerts or Alerts(), {it.name: it for it in families}, snapshot, policy)
        families.append(metrics.alert_states(found))
    bodies: dict[tuple[bool, bool], bytes] = {}
    for openmetrics, body in zip((False, True), text_format.both(families), strict=True):
        bodies[openmetrics, False] = body
        bodies[openmetrics, True] = gzip.compress(body, compresslevel=1, mtime=0)
    return Page(bodies, states, snapshot, history, found)


class Publisher:
    """Keeps `page`, the engine's newest snapshot as bytes; `None` while there is none to serve.

    `complete` says whether every probe has had a run by the time of that page. `thresholds`, by
    name of limit, `shapes`, by their own, and `policy` may be set anew at any time. `tell` is
    called with the alerts of each complete page; `alerts` may be set to those of before a restart.
    """

    def __init__(
        self,
        engine: Engine,
        thresholds: Mapping[str, Thresholds],
        clock: Clock,
        shapes: Mapping[str, Shape] = BUILT_IN,
        policy: Policy | None = None,
    ) -> None:
        self.page: Page | None = None
        self.complete = False
        self.thresholds = thresholds
        self.shapes = shapes
        self.policy = policy
        self.alerts = Alerts()
        self.tell: Callable[[Alerts], None] = lambda _: None
        self._history = History()
        self._engine = engine
        self._clock = clock
        self._states: tuple[LimitState, ...] = ()

    async def run(self) -> None:
        """Render after every change, until cancelled."""
        while True:
            await self._engine.changed.wait()
            await self._clock.sleep(DELAY)
            self._engine.changed.clear()
            complete = self._engine.ready.is_set()
            try:
                # What was not read yet does not end an alert that fired before a restart.
                policy = self.policy if complete else None
                page = await self._rendered(self._engine.snapshot, policy)
            except Exception:  # noqa: BLE001 - a defect here must not end the daemon
                # An old page would look like a new one: better none than numbers long past.
                _log.exception("the metrics could not be rendered")
                self.page, self.complete = None, False
            else:
                _log_changes(self._states, page.states)
                self.page, self._states, self.complete = page, page.states, complete
                self._history = page.history
                if complete:
                    self._take_alerts(page, policy)

    def _take_alerts(self, page: Page, policy: Policy | None) -> None:
        """Log and tell what has changed; alerts that were switched off are over."""
        self.alerts = page.alerts or ended(self.alerts, page.snapshot.time)
        for change in self.alerts.changes:
            _log_alert(change, policy.runbooks if policy else "")
        self.tell(self.alerts)

    async def part(self, probes: Collection[str]) -> Page:
        """A page of these probes alone."""
        return await self._rendered(restrict(self._engine.snapshot, probes))

    async def _rendered(self, snapshot: Snapshot, policy: Policy | None = None) -> Page:
        overruns = {
            name: number
            for name, number in self._engine.overruns.items()
            if name in snapshot.outcomes
        }
        work = functools.partial(
            render,
            snapshot,
            self.thresholds,
            overruns,
            self.shapes,
            history=self._history,
            policy=policy,
            alerts=self.alerts,
        )
        return await threads.start(work, "publisher")


def _log_changes(before: tuple[LimitState, ...], now: tuple[LimitState, ...]) -> None:
    """Log every limit whose severity is another than before; the first time, those not ok."""
    known = {(state.limit.name, state.instance): state.severity for state in before}
    for state in now:
        severity = state.severity
        was = known.get((state.limit.name, state.instance), Severity.OK)
        if severity is was or (not before and severity is Severity.UNKNOWN):
            continue
        words: dict[str, object] = {
            "limit": state.limit.name,
            "instance": state.instance,
            "severity": severity.value,
        }
        if state.used is not None and state.ceiling is not None:
            words |= {"used": state.used, "max": state.ceiling.value, "ratio": state.ratio}
        bad = severity in (Severity.WARNING, Severity.CRITICAL)
        (_log.warning if bad else _log.info)("limit changed", was=was.value, **words)


def _log_alert(change: Change, runbooks: str) -> None:
    """Log an alert that began, fires or is over; of one that fires, what to do next."""
    active = change.active
    message = messages.of_active(active, "", runbooks or f"{DIRECTORY}/")
    words = {
        "alert": active.alert.title,
        "severity": active.severity,
        "labels": dict(active.labels),
        "was": change.was.value,
        "state": change.now.value,
        "summary": message.annotations["summary"],
    }
    if change.now is State.FIRING:
        _log.warning("alert changed", **words, next=f"see {message.annotations['runbook_url']}")
    elif change.was is State.FIRING:
        _log.info("alert changed", **words)
    else:
        _log.debug("alert changed", **words)
