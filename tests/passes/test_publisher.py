"""The publisher: one assessment for the changes of a tick, and an old page rather than none."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.fake_clock import FakeClock, running
from tests.passes.support import NEVER, RULES, assessed, first_pass, publisher
from tests.support import full_snapshot, labelled, series
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.runbooks import DIRECTORY
from xenwatch.alerts.states import Active, Alerts, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.alert_keys import KEEP
from xenwatch.config.settings import Settings
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.metrics import Counts
from xenwatch.passes.bodies import PLAIN, Renderer
from xenwatch.passes.publisher import (
    ALL,
    DELAY,
    LONGEST_DELAY,
    AssessedPass,
    Export,
    assess,
    part_of,
    restrict,
)
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio


def test_a_pass_has_every_format() -> None:
    """Both formats can be asked for, each plain and packed."""
    found = assess(full_snapshot(), RULES)

    assert found.metrics.keys() == {(False, False), (False, True), (True, False), (True, True)}
    for openmetrics in (False, True):
        plain = found.metrics[openmetrics, False]
        assert gzip.decompress(found.metrics[openmetrics, True]) == plain
        assert plain.endswith(b"# EOF\n") is openmetrics
    assert found.assessment.states


def test_overruns_are_on_the_page() -> None:
    """What the scheduler counted is exported by probe."""
    body = assess(full_snapshot(), RULES, counts=Counts({"aio": 3})).metrics[False, False]

    assert labelled("xenwatch_probe_overruns_total", body) == {("aio",): 3}


def test_a_part_has_what_its_probes_read_and_no_more() -> None:
    """A restricted assessment holds the readings, limits and outcomes of the probes asked for."""
    part = restrict(assess_pass(full_snapshot()), ["aio", "irqs"])
    snapshot = part.snapshot

    assert snapshot.aio == full_snapshot().aio
    assert snapshot.outcomes.keys() == {"aio", "irqs"} & full_snapshot().outcomes.keys()
    kept = {"time", "instant", "outcomes", "origin", "aio", "irqs"}
    others = {field.name for field in dataclasses.fields(snapshot)} - kept
    assert not any(getattr(snapshot, name) for name in others)
    assert {state.limit.name for state in part.states} == {"aio_requests", "irqs"}


def test_a_part_keeps_the_maxima_that_depend_on_the_release() -> None:
    """A max that follows from another probe's reading is the same in a part as in the whole."""
    whole = assess_pass(full_snapshot())
    for name in {limit.probe for limit in LIMITS}:
        part = restrict(whole, [name])
        assert part.states == tuple(s for s in whole.states if s.limit.probe == name)


def test_a_part_has_plans_only_with_the_probes_of_all_limits() -> None:
    """Headroom for VMs that leaves a limit uncounted is not exported."""
    whole = assess_pass(full_snapshot())
    probes = set(whole.snapshot.outcomes) | {limit.probe for limit in LIMITS}

    assert restrict(whole, probes - {"slices"}).plans == whole.plans != ()
    assert restrict(whole, probes - {"aio"}).plans == ()


@functools.cache
def names_of_series(openmetrics: bool) -> list[str]:
    """The name of each series of the full snapshot's page."""
    page = assess(full_snapshot(), RULES).metrics[openmetrics, False]
    return sorted(name for name, _ in series(page, openmetrics))


@settings(deadline=None, max_examples=40)
@given(st.binary())
def test_a_hostile_name_is_one_label(name: bytes) -> None:
    """Whatever a VM is called, the page has the series it would have anyway."""
    full = full_snapshot()
    assert full.domains is not None
    assert full.xenstore is not None
    domains = tuple(dataclasses.replace(domain, name=name) for domain in full.domains.domains)
    named = dataclasses.replace(
        full,
        domains=dataclasses.replace(full.domains, domains=domains),
        xenstore=dataclasses.replace(full.xenstore, names={}),
    )
    for openmetrics in (False, True):
        page = assess(named, RULES).metrics[openmetrics, False]
        found = sorted(name for name, _ in series(page, openmetrics))

        assert found == names_of_series(openmetrics)


def leaking(minute: int) -> Snapshot:
    """The full snapshot with 100 more aio requests every minute."""
    full = full_snapshot()
    outcomes = {**full.outcomes, "aio": Outcome(Status.OK, "", 60.0 * minute)}
    return dataclasses.replace(full, outcomes=outcomes, aio=Aio(100 * minute, 65536))


async def test_pages_together_tell_a_trend() -> None:
    """What one page cannot know, the pages of half an hour do: when a leak fills its limit."""
    clock = FakeClock()
    scheduler, published = publisher(leaking(0), clock)
    page: AssessedPass | None = None
    async with running(published.run()):
        for minute in range(31):
            scheduler.snapshot = leaking(minute)
            scheduler.changed.set()
            page = await assessed(clock, published, page)
        part = await published.part(["irqs"], PLAIN)

    assert page is not None
    assert part is not None
    found = labelled("xenwatch_limit_seconds_to_full", page.metrics[False, False])
    assert found == {("aio_requests",): pytest.approx((65536 - 3000) * 0.6)}
    assert labelled("xenwatch_limit_seconds_to_full", part) == {}


async def test_what_cannot_be_assessed_leaves_the_page_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pass before stays, with its time, and the failure is counted on the next page."""
    clock = FakeClock()
    async with first_pass(clock, full_snapshot()) as (scheduler, published, first):
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.delattr("xenwatch.metrics.by_name")
            scheduler.changed.set()
            while published.failures == 0:
                await clock.advance(DELAY)
        assert published.newest is first
        assert published.complete
        scheduler.changed.set()
        await assessed(clock, published, first)

    assert [entry["event"] for entry in logs] == [
        "assessing a pass failed; serving the previous one, if any"
    ]
    assert labelled("xenwatch_render_failures_total", await published.body(PLAIN) or b"") == {(): 1}


async def test_a_page_is_complete_once_every_probe_has_run() -> None:
    """A page rendered before the first pass is over is not complete, the next one is."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    async with running(published.run()):
        scheduler.changed.set()
        first = await assessed(clock, published, None)
        scheduler.ready.set()
        assert not published.complete
        scheduler.changed.set()
        await assessed(clock, published, first)
        assert published.complete


async def test_a_limit_is_logged_when_its_severity_changes() -> None:
    """Crossing a threshold is one line in the log, staying there is none, and leaving is one."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    sequence = [Thresholds(None, None), Thresholds(1e-9, None), Thresholds(1e-9, None), None]
    page = None
    with capture_logs() as logs:
        async with running(published.run()):
            for bounds in sequence:
                published.rules = Rules({**NEVER, "aio_requests": bounds or Thresholds(None, None)})
                scheduler.changed.set()
                page = await assessed(clock, published, page)

    changes = [(log["limit"], log["was"], log["severity"]) for log in logs]
    assert changes == [("aio_requests", "ok", "warning"), ("aio_requests", "warning", "ok")]


async def test_a_part_is_rendered_from_the_newest_pass() -> None:
    """A page of some probes has their metrics and nothing of the others; before a pass, nothing."""
    outcomes = {name: Outcome(Status.OK) for name in ("aio", "irqs")}
    snapshot = dataclasses.replace(full_snapshot(), outcomes=outcomes)
    _, published = publisher(snapshot, FakeClock())
    assert await published.part(["aio"], PLAIN) is None
    published.newest = assess(snapshot, RULES)
    body = await published.part(["aio"], PLAIN)

    assert body is not None
    assert labelled("xenwatch_probe_success", body) == {("aio",): 1}
    assert b"xenwatch_aio_requests_used" in body
    assert b"xenwatch_irqs_used" not in body


async def test_alerts_go_on_from_page_to_page() -> None:
    """An alert that fires is on the page, in the log with its runbook, and told, once."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    minute = {alert.name: 60 for alert in ALERTS}
    policy = dataclasses.replace(Settings().alerts(), keep=0, seconds=minute)
    published.rules = Rules({**NEVER, "aio_requests": Thresholds(None, 1e-9)}, policy=policy)
    scheduler.ready.set()
    told: list[Alerts] = []
    published.on_alerts = lambda alerts, *_: told.append(alerts)
    page: AssessedPass | None = None
    states: list[set[str]] = []
    with capture_logs() as logs:
        async with running(published.run()):
            for seconds in (0, 59, 60, 61):
                scheduler.snapshot = dataclasses.replace(
                    full_snapshot(), time=1000.0 + seconds, instant=1000.0 + seconds
                )
                scheduler.changed.set()
                page = await assessed(clock, published, page)
                found = labelled("xenwatch_alert_state", page.metrics[False, False])
                states.append({key[2] for key in found if key[0] == "XenwatchAioRequestsNearLimit"})

    assert states == [{"pending"}, {"pending"}, {"firing"}, {"firing"}]
    changes = [log for log in logs if log.get("alert") == "XenwatchAioRequestsNearLimit"]
    assert [log["state"] for log in changes] == ["pending", "firing"]
    assert changes[1]["next"] == f"see {DIRECTORY}/XenwatchAioRequestsNearLimit.md"
    names = [[active.alert.name for active in alerts.firing] for alerts in told]
    assert [("aio_requests_near_limit" in at) for at in names] == [False, False, True, True]


async def test_maintenance_is_told_with_the_alerts_until_it_ends() -> None:
    """With each pass the maintenance of the host is told, and it is on the page."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    published.rules = Rules(
        policy=Settings().alerts(), maintenance=(Maintenance(1000.0), Maintenance(1060.0))
    )
    scheduler.ready.set()
    told: list[tuple[Maintenance | None, float]] = []
    published.on_alerts = lambda _, maintenance, keep: told.append((maintenance, keep))
    page: AssessedPass | None = None
    exported: list[float] = []
    async with running(published.run()):
        for seconds in (0, 59, 60):
            scheduler.snapshot = dataclasses.replace(
                full_snapshot(), time=1000.0 + seconds, instant=1000.0 + seconds
            )
            scheduler.changed.set()
            page = await assessed(clock, published, page)
            found = labelled("xenwatch_maintenance", page.metrics[False, False])
            exported += found.values()

    keep = Settings()[KEEP]
    assert told == [(Maintenance(1060.0), keep), (Maintenance(1060.0), keep), (None, keep)]
    assert exported == [1, 1, 0]


async def test_alerts_switched_off_are_over() -> None:
    """What was active without alerts evaluated is told to be unknown once, then nothing is."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    policy = dataclasses.replace(Settings().alerts(), seconds={a.name: 0 for a in ALERTS})
    rules = Rules({**NEVER, "aio_requests": Thresholds(None, 1e-9)})
    scheduler.ready.set()
    told: list[Alerts] = []
    published.on_alerts = lambda alerts, *_: told.append(alerts)
    page: AssessedPass | None = None
    with capture_logs() as logs:
        async with running(published.run()):
            for now in (policy, None, None, policy):
                published.rules = dataclasses.replace(rules, policy=now)
                scheduler.changed.set()
                page = await assessed(clock, published, page)

    name = "aio_requests_near_limit"
    fires = [[active.alert.name == name for active in at.firing].count(True) for at in told]
    assert fires == [1, 0, 0, 1]
    assert {change.now for change in told[1].changes} == {State.UNKNOWN}
    assert (told[1].active, told[2]) == ({}, Alerts())
    changes = [log["state"] for log in logs if log.get("alert") == "XenwatchAioRequestsNearLimit"]
    assert changes == ["firing", "unknown", "firing"]


async def test_alerts_wait_for_the_first_pass() -> None:
    """Until every probe has run nothing is said of alerts, and what fired before goes on."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    policy = dataclasses.replace(Settings().alerts(), keep=0)
    published.rules = Rules({**NEVER, "aio_requests": Thresholds(None, 1e-9)}, policy=policy)
    alert = next(a for a in ALERTS if a.name == "aio_requests_near_limit")
    active = Active(alert, "critical", (), since=900.0, value=0.5, fired=950.0)
    published.alerts = Alerts({(alert.name, "critical", ()): active})
    scheduler.snapshot = Snapshot(960.0)
    async with running(published.run()):
        scheduler.changed.set()
        first = await assessed(clock, published, None)
        assert labelled("xenwatch_alert_state", first.metrics[False, False]) == {}
        assert first.assessment.alerts is None
        scheduler.snapshot = full_snapshot()
        scheduler.ready.set()
        scheduler.changed.set()
        await assessed(clock, published, first)

    assert [active.fired for active in published.alerts.firing if active.alert is alert] == [950.0]


async def test_labels_of_the_site_are_on_every_series() -> None:
    """With labels for metrics every series of the page has them, of a part of it too, once."""
    clock = FakeClock()
    scheduler, published = publisher(full_snapshot(), clock)
    published.export = Export({"pool": 'p"1', "site": "b"})
    async with running(published.run()):
        scheduler.changed.set()
        newest = await assessed(clock, published, None)
        part = await published.part(["aio"], PLAIN)

    assert part is not None
    for body in (
        newest.metrics[False, False],
        newest.metrics[True, False],
        part,
    ):
        lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
        assert lines
        assert {line for line in lines if line.count('pool="p\\"1",site="b"') != 1} == set()


def names(made: AssessedPass) -> set[str]:
    """The names of the metrics on a page."""
    text = made.metrics[False, False].decode()
    return set(re.findall(r"(?m)^# TYPE (\S+)", text))


def test_excluded_metrics_are_not_exported() -> None:
    """What is excluded is on no page and no part of it; alerts are evaluated on it all the same."""
    gone = {"xenwatch_aio_requests_used", "xenwatch_alert_state"}
    export = Export(excluded=gone)
    rules = Rules(policy=Settings().alerts())
    whole, less = (assess(full_snapshot(), rules, export=each) for each in (ALL, export))
    part, of_less = (part_of(whole, ["aio"], Counts(), Renderer(), each) for each in (ALL, export))

    assert names(whole) - names(less) == gone
    assert names(part) - names(of_less) == {"xenwatch_aio_requests_used"}
    assert less.assessment.alerts == whole.assessment.alerts
    assert whole.assessment.alerts is not None


async def test_the_text_is_there_once_every_probe_has_run() -> None:
    """A first pass that is not complete is no text, and whoever waits hears of every pass."""
    clock, heard = FakeClock(), list[bytes | None]()
    scheduler, published = publisher(full_snapshot(), clock)
    published.on_change = lambda: heard.append(published.text())
    published.textfile_failures = lambda: 3
    async with running(published.run()):
        scheduler.changed.set()
        first = await assessed(clock, published, None)
        scheduler.ready.set()
        scheduler.changed.set()
        newest = await assessed(clock, published, first)

    assert heard == [None, newest.metrics[False, False]]
    assert labelled("xenwatch_textfile_failures_total", heard[1] or b"") == {(): 3}


async def test_after_a_pass_that_took_long_the_next_waits_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A starved host costs cadence: there is time in which to answer."""
    clock, made, took = FakeClock(), assess(full_snapshot(), RULES), [20.0, 300.0, 0.0]
    scheduler, published = publisher(full_snapshot(), clock)
    began: list[float] = []

    async def slow(*_: object) -> AssessedPass:
        began.append(clock.now)
        clock.now += took[len(began) - 1]
        return made

    monkeypatch.setattr(published, "_assessed", slow)
    async with running(published.run()):
        for wait in (DELAY, 20.0, LONGEST_DELAY):
            scheduler.changed.set()
            await clock.advance(wait - 0.01)
            before = len(began)
            await clock.advance(0.01)
            assert len(began) == before + 1
