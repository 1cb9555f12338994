"""From snapshot to pass: assessed once a tick, rendered when somebody asks."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field
from typing import Any, Final

import structlog

from xenwatch import metrics, threads
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts, ended
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.clock import Clock
from xenwatch.exposition.text_format import Family
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.changes import LoggedLimit, severity_changes
from xenwatch.limits.states import LimitStates
from xenwatch.metrics import Configured, Counts, Families, Recorded
from xenwatch.metrics.process import own_process
from xenwatch.passes.asking import Asking
from xenwatch.passes.bodies import PLAIN, Bodies, Form, Renderer
from xenwatch.passes.earlier import Earlier
from xenwatch.passes.faults import Faults
from xenwatch.passes.log_changes import log_alert, log_change
from xenwatch.passes.parts import PATIENCE, Parts
from xenwatch.passes.scheduler import Scheduler
from xenwatch.planning.learning import Learning
from xenwatch.readings.snapshot import READINGS, Snapshot
from xenwatch.values import dataclass

DELAY: Final = 0.05
"""Seconds between a change and the assessment, in which further changes are collected."""
LONGEST_DELAY: Final = 30.0
"""The same on a host that is short of CPU time: as long as the last assessment took, at most."""
GATHER: Final = 2.0
"""Max seconds more that are waited for probes that are due: those of one tick make one pass."""
RECENT: Final = 2
"""Intervals between two passes of which one is served while the other is rendered ahead."""
LANE: Final = threads.Lane("assessing")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Export:
    """How metrics are exported: labels that each of them has too, and the names of those left out.

    Alerts are evaluated on all of them.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    excluded: Collection[str] = ()


ALL: Final = Export()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class AssessedPass:
    """The assessment of a pass, and its metrics as bytes, rendered when asked for.

    `families` are those of the metrics, from which the next pass takes over what is the same.
    """

    assessment: Assessment
    metrics: Bodies
    families: Families


def restrict(assessment: Assessment, probes: Collection[str]) -> Assessment:
    """The assessment with the readings, limits and forecasts of these probes only.

    Plans depend on every limit, so they are kept only if the probes of all limits are.
    """
    snapshot = assessment.snapshot
    nothing: dict[str, Any] = dict.fromkeys(set(READINGS) - set(probes))
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
        full_between={name: ends for name, ends in assessment.full_between.items() if name in kept},
        alerts=None,
    )


def assess(
    snapshot: Snapshot,
    rules: Rules,
    *,
    counts: Counts | None = None,
    before: AssessedPass | None = None,
    alerts: Alerts | None = None,
    learning: Learning | None = None,
    renderer: Renderer | None = None,
    export: Export = ALL,
    fence: Fence = OPEN,
) -> AssessedPass:
    """A snapshot assessed, with what its metrics are rendered from.

    `before` is the pass before, `alerts` the alerts so far, `learning` what was learnt so far. What
    raises within `fence` is unknown.
    """
    earlier = before.assessment if before else None
    assessment = assess_pass(snapshot, rules, earlier, learning, fence)
    families = metrics.by_name(assessment, counts, before.families if before else None)
    assessment = with_alerts(assessment, families, alerts or Alerts())
    return _pass(assessment, families, renderer or Renderer(), export, whole=True)


def part_of(
    whole: AssessedPass,
    probes: Collection[str],
    counts: Counts,
    renderer: Renderer,
    export: Export = ALL,
) -> AssessedPass:
    """A pass restricted to these probes, with its metrics without alerts."""
    assessment = restrict(whole.assessment, probes)
    overruns = {name: number for name, number in counts.overruns.items() if name in probes}
    families = metrics.by_name(assessment, Counts(overruns), whole.families)
    return _pass(assessment, families, renderer, export, whole=False)


def _pass(
    assessment: Assessment,
    families: Families,
    renderer: Renderer,
    export: Export,
    *,
    whole: bool,
) -> AssessedPass:
    def all_families() -> Iterable[Family]:
        yield from (families[name] for name in families if name not in export.excluded)
        yield from own_process()
        if assessment.alerts is not None:
            states = metrics.alert_states(assessment)
            if states.name not in export.excluded:
                yield states

    page = functools.partial(renderer.page, all_families, export.labels, whole, assessment.fence)
    return AssessedPass(assessment, Bodies(page, assessment.snapshot.instant), families)


class Publisher:
    """Keeps `newest`, the newest snapshot assessed; `None` while there is nothing to serve.

    `complete` says whether every probe had run by then; `earlier` has a pass before.
    `rules` may be replaced at any time. `export` is how metrics are exported. `on_alerts` is called
    with the alerts of complete passes, the maintenance of the host, and for how many seconds alerts
    are kept; `on_change` whenever `newest` is another. `alerts` may be set to those of before a
    restart, `learning` to what was learnt, `textfile_failures` to what counts them, `refused` to
    what counts requests that were not served, `recorded` and `configured` to what is known of the
    record and the configuration. `failures` counts passes that could not be assessed or rendered,
    `faults` the parts of them that raised.
    """

    def __init__(self, scheduler: Scheduler, rules: Rules, clock: Clock) -> None:
        self.newest: AssessedPass | None = None
        self.complete = False
        self.earlier = Earlier()
        self.rules = rules
        self.export = ALL
        self.alerts = Alerts()
        self.learning = Learning()
        self.failures = 0
        self.faults = Faults(clock)
        self.on_alerts: Callable[[Alerts, Maintenance | None, float], None] = lambda *_: None
        self.on_change: Callable[[], None] = lambda: None
        self.textfile_failures: Callable[[], int | None] = lambda: None
        self.refused: Callable[[], Mapping[str, int]] = dict
        self.recorded: Callable[[], Recorded | None] = lambda: None
        self.configured: Configured | None = None
        self._scheduler = scheduler
        self._clock = clock
        self._renderer = Renderer()
        self._good: Bodies | None = None
        self._rendering: asyncio.Task[None] | None = None
        self._failed: AssessedPass | None = None
        self._ahead: AssessedPass | None = None
        self._asking, self._form = Asking(), PLAIN
        self._last: dict[Form, bytes] = {}
        self._parts = Parts(self._part_body, self._count_part)
        self._logged: Mapping[str, LoggedLimit] = {}

    async def run(self) -> None:
        """Assess once after the changes of each tick, until cancelled; render the first pass.

        What cannot be assessed changes nothing: what is served says how old it is. Where dom0 is
        starved every probe ends at another time: with a pass for each, nobody would be answered.
        """
        delay = DELAY
        while True:
            await self._scheduler.changed.wait()
            await self._clock.sleep(delay)
            if self.complete:
                await self._scheduler.idle(GATHER)
            self._scheduler.changed.clear()
            complete = self._scheduler.ready.is_set()
            began = self._clock.monotonic()
            try:
                # Missing readings must not resolve an alert that fired before a restart.
                rules = self.rules if complete else dataclasses.replace(self.rules, policy=None)
                newest = await self._assessed(self._scheduler.snapshot, rules)
            except Exception:  # noqa: BLE001 - a defect here must not end the daemon
                self.failures += 1
                _log.exception("assessing a pass failed; serving the previous one, if any")
                continue
            finally:
                delay = max(DELAY, min(self._clock.monotonic() - began, LONGEST_DELAY))
            self._publish(newest, complete)
            self.on_change()
            if complete and self._good is None:
                with contextlib.suppress(Exception):  # logged
                    await self._newest_body(PLAIN)
            elif self._rendering is None and self._is_expected():
                self._ahead = newest
                self._rendering = asyncio.create_task(self._render(newest, self._form))

    def _is_expected(self) -> bool:
        """Whether somebody will ask for this page, so that to render it now costs no more."""
        return self._asking.expects(self._clock.monotonic(), self._interval)

    @property
    def _interval(self) -> float:
        return self._scheduler.shortest_interval or 0.0

    def _publish(self, newest: AssessedPass, complete: bool) -> None:
        assessment = newest.assessment
        self._deliver("log", functools.partial(self._log_changes, assessment.by_limit))
        self.newest, self.complete = newest, complete
        if complete:
            self.earlier.note(assessment.snapshot)
        self.learning = assessment.learning
        if complete:
            self._set_alerts(assessment)

    def _log_changes(self, limits: Mapping[str, LimitStates]) -> None:
        self._logged, changes = severity_changes(self._logged, limits, self._clock.monotonic())
        for change in changes:
            log_change(change)

    def _set_alerts(self, assessment: Assessment) -> None:
        """Log the changes and pass the alerts on; disabled alerts end."""
        self.alerts = assessment.alerts or ended(self.alerts, assessment.snapshot.instant)
        policy = assessment.rules.policy
        for change in self.alerts.changes:
            log = functools.partial(log_alert, change, policy.runbooks if policy else "")
            self._deliver("log", log)
        maintenance = assessment.maintenance if policy else None
        keep = policy.keep if policy else 0.0
        self._deliver("alerts", lambda: self.on_alerts(self.alerts, maintenance, keep))

    def _deliver(self, name: str, work: Callable[[], None]) -> None:
        self.faults.fence(Part.DELIVERY, name, work, None)

    async def body(self, form: Form) -> bytes | None:
        """The newest metrics in this form; `None` while there are none.

        Where they cannot be rendered, or not within `PATIENCE`, or are just being rendered before
        anybody asked, the last ones that were. Raises what the rendering raised if there are none.
        """
        self._form = form
        self._asking.note(self._clock.monotonic())
        return await self._newest_body(form)

    async def _newest_body(self, form: Form) -> bytes | None:
        asked = self.newest
        if asked is None:
            return None
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        await self._render_in_time(asked, form, until)
        if asked.metrics.rendered and asked is self.newest:
            self._keep(asked.metrics)  # a textfile may have had it rendered
        page = asked.metrics if asked.metrics.rendered or self._good is None else self._good
        last = self._last.get(form)
        if last is None:
            self._last[form] = await page.asked(form)
        else:
            made = asyncio.ensure_future(page.asked(form))
            if (await asyncio.wait((made,), timeout=max(0.0, until - loop.time())))[0]:
                self._last[form] = made.result()
        return self._last[form]

    async def _render_in_time(self, asked: AssessedPass, form: Form, until: float) -> None:
        """Return once a page is rendered, or has failed, or after `PATIENCE` if there is another.

        One is rendered at a time, to its end.
        """
        loop = asyncio.get_running_loop()
        while not asked.metrics.rendered and self._failed is not asked:
            if asked is self._ahead and self._is_recent(asked.metrics):
                return
            if self._rendering is None:
                self._rendering = loop.create_task(self._render(asked, form))
            left = None if self._good is None else until - loop.time()
            await asyncio.wait((self._rendering,), timeout=left)
            if left is not None and loop.time() >= until:
                return

    async def _render(self, asked: AssessedPass, form: Form) -> None:
        """Render a page, which is then the last one that was; count and log a failure."""
        try:
            body = await asked.metrics.asked(form)
        except Exception:  # noqa: BLE001 - whoever asks is told, if there is no other page
            self._failed = asked
            self.failures += 1
            _log.exception("rendering metrics failed; serving the last rendered ones, if any")
        else:
            self._failed = None
            if self._keep(asked.metrics):
                self._last[form] = body  # the one before would stay until somebody asks
        finally:
            self._rendering = self._ahead = None

    def _keep(self, rendered: Bodies) -> bool:
        """Have a page for when a newer one cannot be had in time, unless it is an older one."""
        if self._good is not None and rendered.instant < self._good.instant:
            return False
        self._good = rendered
        return True

    def _is_recent(self, rendering: Bodies) -> bool:
        """Whether the last page is hardly older: of a client that comes seldom it may be."""
        good = self._good
        return good is not None and rendering.instant - good.instant <= RECENT * self._interval

    def age(self, found: AssessedPass) -> float:
        """Seconds since the newest reading of a pass."""
        return self._clock.monotonic() - found.assessment.snapshot.instant

    def text(self) -> bytes | None:
        """The newest metrics as Prometheus text; `None` until the first pass is complete.

        It renders them, so it is for threads. Raises what the rendering raises.
        """
        newest = self.newest
        return newest.metrics[PLAIN] if newest and self.complete else None

    async def part(self, probes: Collection[str], form: Form) -> bytes | None:
        """The newest metrics of these probes alone; `None` while there are none. See `Parts`."""
        newest = self.newest
        return None if newest is None else await self._parts.body(newest, probes, form)

    def _part_body(self, of: AssessedPass, probes: frozenset[str], form: Form) -> bytes:
        part = part_of(of, probes, self._counts(), self._renderer, self.export)
        return part.metrics[form]

    def _count_part(self, error: BaseException) -> None:
        self.failures += 1
        _log.error("rendering metrics of some probes failed", exc_info=error)

    async def _assessed(self, snapshot: Snapshot, rules: Rules) -> AssessedPass:
        work = functools.partial(
            assess,
            snapshot,
            rules,
            counts=self._counts(),
            before=self.newest,
            alerts=self.alerts,
            learning=self.learning,
            renderer=self._renderer,
            export=self.export,
            fence=self.faults.fence,
        )
        async with self._scheduler.turns.turn():
            return await LANE.start(work)

    def _counts(self) -> Counts:
        overruns, failed = dict(self._scheduler.overruns), self.textfile_failures()
        refused, faults = dict(self.refused()), dict(self.faults.counts)
        return Counts(
            overruns,
            failed,
            self.failures,
            self.configured,
            faults,
            refused,
            self.recorded(),
            dict(self._scheduler.lost),
        )
