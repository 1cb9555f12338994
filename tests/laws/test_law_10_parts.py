"""Law 10, right of the probes: a part that raises is unknown, and all others are as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NoReturn

import pytest

from tests.laws.outputs import LINKS, Balanced, made
from tests.support import full_snapshot, series
from xenwatch import metrics, page
from xenwatch.advice import qemu_wakeups
from xenwatch.alerts import states as alert_states
from xenwatch.alerts.conditions import Evidence
from xenwatch.alerts.states import Alerts, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Rules
from xenwatch.cli import doctor, limits_table
from xenwatch.cli.daemon_client import at_once
from xenwatch.cli.faults import Faults
from xenwatch.config.settings import Settings
from xenwatch.fence import OPEN, Fault, Part
from xenwatch.limits import LIMITS, states
from xenwatch.limits.base import Limit
from xenwatch.metrics import METRICS
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.planning import answer, capacity, forecast
from xenwatch.planning.trend import Trend
from xenwatch.probes import PROBES
from xenwatch.status import check, host_status
from xenwatch.terminal import state as terminal
from xenwatch.terminal.looks import Look
from xenwatch.terminal.picture import picture

RULES = Rules(policy=at_once(Settings().alerts()))
FULL = full_snapshot()


class Broken(Exception):
    """What a part raises here."""


def broken(*_: object) -> NoReturn:
    """A part that raises."""
    raise Broken("defect")


def assessed(faults: Faults) -> AssessedPass:
    """A pass within the fence of a command, of which every output is made."""
    found = assess(FULL, RULES, alerts=Alerts(), fence=faults.fence)
    made(found, FULL)
    return found


def without(limit: Limit, **fields: Any) -> tuple[Limit, ...]:
    """The table of limits, in which one has other fields."""
    return tuple(dataclasses.replace(e, **fields) if e is limit else e for e in LIMITS)


@pytest.fixture(scope="module")
def sound() -> AssessedPass:
    """A pass in which nothing raises."""
    faults = Faults()
    found = assessed(faults)
    assert faults.found == {}
    return found


def samples(found: AssessedPass) -> Mapping[Any, float]:
    """Every series of a pass but the states of its alerts and the daemon's own."""
    return {
        key: value
        for key, value in series(found.metrics[False, False]).items()
        if not key[0].startswith(("process_", "xenwatch_alert_state"))
    }


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_that_raises_is_unknown(
    limit: Limit, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no samples and its alert is unknown, and of all other series none is another."""
    monkeypatch.setattr(
        states.assess_limits, "__defaults__", (None, without(limit, used=broken), OPEN, None)
    )
    faults = Faults()
    found = assessed(faults)
    before, after = samples(sound), samples(found)

    assert set(faults.found) == {f"limit {limit.name}"}
    assert after.items() <= before.items()
    gone = {name for name, _ in before.keys() - after.keys()}
    assert gone >= {n for n in (limit.used_metric, limit.max_metric) if n in dict(before.keys())}
    others = {n for each in LIMITS for n in (each.used_metric, each.max_metric)}
    assert not gone & (others - {limit.used_metric, limit.max_metric})
    alerts = found.assessment.alerts
    assert alerts is not None
    near = f"{limit.name}_near_limit"
    told = {state for key, state in alerts.states.items() if key[0] == near}
    assert told <= {State.UNKNOWN}
    for plan in found.assessment.plans:
        assert all(each.batches is None for each in plan.headrooms if each.limit == limit.name)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_max_that_raises_leaves_what_is_used(
    limit: Limit, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is used is known, the max is not, and there is no headroom."""
    monkeypatch.setattr(
        states.assess_limits, "__defaults__", (None, without(limit, max=broken), OPEN, None)
    )
    faults = Faults()
    found = assessed(faults)
    was = {(s.limit.name, s.instance): s for s in sound.assessment.states}
    now = {(s.limit.name, s.instance): s for s in found.assessment.states}

    assert set(faults.found) == {f"limit {limit.name}"}
    assert was.keys() == now.keys()
    for key, state in now.items():
        assert state.used == was[key].used
        assert state.max == (None if key[0] == limit.name else was[key].max)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_that_raises_is_absent(
    metric: metrics.Metric, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its family is missing, alerts about it are unknown, and all other series are as they are."""
    table = [dataclasses.replace(m, read=broken) if m is metric else m for m in METRICS]
    monkeypatch.setattr(metrics, "METRICS", tuple(table))
    faults = Faults()
    found = assess(FULL, RULES, alerts=Alerts(), fence=faults.fence)
    before, after = samples(sound), samples(found)

    assert set(faults.found) == {f"metric {metric.name}"}
    assert after == {key: value for key, value in before.items() if not of(metric, key[0])}
    alerts = found.assessment.alerts
    assert alerts is not None
    policy = RULES.policy
    assert policy is not None
    evidence = Evidence(
        sound.families, {}, policy.thresholds, policy.bounds, sound.assessment.snapshot.time
    )
    for alert in ALERTS:
        for severity, condition in alert.conditions.items():
            if condition.metric == metric.name and condition.applies(evidence):
                assert alerts.states[alert.name, severity] is State.UNKNOWN


def of(metric: metrics.Metric, name: str) -> bool:
    """Whether series of this name are of the metric."""
    return name in {metric.name, *(f"{metric.name}_{end}" for end in ("bucket", "sum", "count"))}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_that_raises_is_unknown(
    alert: Any, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its state was known it is unknown, what fired is no longer judged, others are as is."""

    @dataclasses.dataclass(frozen=True)
    class Raises:
        metric: str = ""
        evaluate = applies = broken

    bad = dataclasses.replace(alert, conditions=dict.fromkeys(alert.conditions, Raises()))
    table = tuple(bad if each is alert else each for each in ALERTS)
    monkeypatch.setitem(alert_states.step.__kwdefaults__ or {}, "table", table)
    faults = Faults()
    found = assess(FULL, RULES, alerts=Alerts(), fence=faults.fence).assessment.alerts
    before = sound.assessment.alerts
    assert found is not None
    assert before is not None

    assert set(faults.found) == {f"alert {alert.name}"}
    for key, state in before.states.items():
        assert found.states[key] is (State.UNKNOWN if key[0] == alert.name else state)
    assert found.active == {k: v for k, v in before.active.items() if k[0] != alert.name}


@pytest.mark.parametrize("name", ["_cost", "_counted"])
def test_a_plan_that_raises_promises_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a limit's part of it raises or the whole, no number of VMs fits, and it says so."""
    monkeypatch.setattr(capacity, name, broken)
    faults = Faults()
    found = assessed(faults)

    assert {fault.part for fault in faults.found.values()} == {Part.PLAN}
    for plan in found.assessment.plans:
        assert plan.batches is plan.at_most is None
        assert "bug in xenwatch" in {headroom.reason for headroom in plan.headrooms}.pop()


@pytest.mark.parametrize("name", ["trend", "_full"])
def test_a_forecast_that_raises_is_unknown(
    name: str, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is forecast, whether it will be full soon is unknown, and all else is as it is."""
    monkeypatch.setattr(forecast, "trend", lambda *_: Trend(1.0, 1.0, 1.0))
    monkeypatch.setattr(forecast, name, broken)
    faults = Faults()
    found = assessed(faults)

    assert {fault.part for fault in faults.found.values()} == {Part.FORECAST}
    assert found.assessment.seconds_to_full == {}
    assert found.assessment.states == sound.assessment.states
    after, before = (each.assessment.alerts for each in (found, sound))
    assert after is not None
    assert before is not None
    for key, state in before.states.items():
        is_it = key[0] == "limit_full_soon"
        assert after.states[key] is (State.UNKNOWN if is_it else state), key


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *((module, "section") for module in (page.alerts, page.headroom)),
        *((part, "section") for part in (page.limits, page.logs, page.probes, page.domains)),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_a_section_that_raises_is_a_sentence(
    module: Any, name: str, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has that sentence in the place of the section, and every other section."""
    status = host_status.host_status(sound.assessment, PROBES, "dom0")
    whole = Balanced(page.fill(page.frame(status, {}, 0.0, LINKS), status).decode()).ids
    monkeypatch.setattr(module, name, broken)
    faults = Faults()
    frame = page.frame(status, {}, 0.0, LINKS, faults.fence)
    text = page.fill(frame, status, fence=faults.fence).decode()
    section = name if name != "section" else module.__name__.rpartition(".")[2]

    assert f"The section {section} could not be made" in text
    assert set(faults.found) == {f"display {section}"}
    assert {"alerts", "headroom", "limits", "logs", "probes", "domains"} <= {*Balanced(text).ids}
    assert {*Balanced(text).ids} < {*whole}


@pytest.mark.parametrize(
    "name", ["_limit", "_shape", "_alert", "log_rows", "reboot_lines", "domain_rows", "shipped"]
)
def test_a_finding_that_raises_is_unknown(
    name: str, sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status has every alert and limit, and no field is another but that which raises."""
    monkeypatch.setattr(answer, "obstacle", lambda _: None)
    before = host_status.host_status(sound.assessment, PROBES, "dom0")
    real = getattr(host_status, name)

    def known(argument: Any, *others: Any) -> Any:
        if name == "_limit" and argument.used is None:
            return real(argument, *others)
        return broken()

    monkeypatch.setattr(host_status, name, known)
    faults = Faults()
    guarded = dataclasses.replace(sound.assessment, fence=faults.fence)
    after = host_status.host_status(guarded, PROBES, "dom0")
    fields = {f.name for f in dataclasses.fields(after)}

    assert faults.found
    assert {fault.part for fault in faults.found.values()} == {Part.FINDING}
    changed = {f for f in fields if getattr(before, f) != getattr(after, f)}
    assert len(changed) <= 1
    assert len(after.limits) == len(before.limits)
    assert [row.alert for row in after.alerts or ()] == [row.alert for row in before.alerts or ()]


def test_what_else_raises_is_said_in_its_place(
    sound: AssessedPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of `once`, lines of `top`, sentences of `doctor`, advice and the check."""
    status = host_status.host_status(sound.assessment, PROBES, "dom0")
    faults = Faults()
    monkeypatch.setattr(limits_table, "_worth_showing", broken)
    assert "unknown" in limits_table.table(sound.assessment.states, faults.fence)
    monkeypatch.setattr("xenwatch.terminal.header._headroom", broken)
    picture(terminal.State(), Look(status, None), (80, 24), (), fence=faults.fence)
    monkeypatch.setitem(doctor.FINDINGS, "shipped", broken)
    assert "probes:" in doctor.report(FULL, Settings().probes(), faults.fence)
    monkeypatch.setattr(qemu_wakeups, "_about", broken)
    assert qemu_wakeups.advise(FULL, None, faults.fence) == ()
    monkeypatch.setattr(check, "_data", broken)
    verdict = check.answer({}, status, 0.0, faults.fence)
    names = {finding["state"] for finding in verdict["findings"]}

    assert names >= {"unknown"}
    assert faults.found.keys() >= {
        *("display headroom", "finding shipped", "finding qemu_wakeups", "finding aio_requests"),
        "display aio_requests",
    }


def test_a_fault_names_part_and_exception() -> None:
    """What is said of a fault is the part, and the exception with its text, on one line."""
    fault = Fault(Part.LIMIT, "loop_devices", ValueError("negative shift count"))

    assert fault.subject == "limit loop_devices"
    assert fault.reason == "bug in xenwatch: ValueError: negative shift count"
