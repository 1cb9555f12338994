"""The assessment of a pass: what is in it, what it takes from the pass before, what it plans."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.support import xenserver
from tests.support import full_snapshot
from xenwatch.alerts.states import Alerts, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.config.settings import Settings
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import Severity, assess
from xenwatch.metrics import by_name
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio

SNAPSHOT = xenserver("6.2.0")
LINUX, WINDOWS = BUILT_IN["linux"], BUILT_IN["windows"]


def test_a_pass_has_states_and_plans_by_its_rules() -> None:
    """States have the thresholds of the rules, and each of their shapes is planned for."""
    web = dataclasses.replace(LINUX, name="web", vcpus=2)
    rules = Rules({"aio_requests": Thresholds(1e-9, None)}, {"web": web, "windows": WINDOWS})
    found = assess_pass(full_snapshot(), rules)

    assert found.states == assess(full_snapshot(), rules.thresholds)
    severities = {state.limit.name: state.severity for state in found.states}
    assert severities["aio_requests"] is Severity.WARNING
    assert [plan.batch for plan in found.plans] == [{web: 1}, {WINDOWS: 1}]
    assert found.plans[0] == fit(found.states, full_snapshot(), {web: 1})


def test_without_rules_the_tables_apply() -> None:
    """By default the thresholds are the limits' own and the shapes those that are built in."""
    found = assess_pass(full_snapshot())

    assert all(state.thresholds == state.limit.thresholds for state in found.states)
    assert [plan.batch for plan in found.plans] == [{shape: 1} for shape in BUILT_IN.values()]
    assert found.alerts is None


def leaking(minute: int) -> Snapshot:
    """The full snapshot with 100 more aio requests every minute."""
    full = full_snapshot()
    outcomes = {**full.outcomes, "aio": Outcome(Status.OK, "", 60.0 * minute)}
    return dataclasses.replace(full, outcomes=outcomes, aio=Aio(100 * minute, 65536))


def test_the_pass_before_gives_the_history() -> None:
    """What half an hour of passes shows is a forecast; the last one alone has none."""
    found: Assessment | None = None
    for minute in range(31):
        found = assess_pass(leaking(minute), before=found)

    assert found is not None
    assert found.seconds_to_full == {"aio_requests": pytest.approx((65536 - 3000) * 0.6)}
    assert assess_pass(leaking(30)).seconds_to_full == {}


def test_a_pass_is_a_pure_function() -> None:
    """The same arguments give the same assessment, and the one before stays as it was."""
    before = assess_pass(leaking(0))
    copy = dataclasses.replace(before)

    assert assess_pass(leaking(1), before=before) == assess_pass(leaking(1), before=before)
    assert before == copy


@pytest.mark.parametrize("wanted", [None, 500])
@pytest.mark.parametrize("shape", [WINDOWS, Shape("", vcpus=4)], ids=["known", "other"])
def test_a_plan_is_the_planners(shape: Shape, wanted: int | None) -> None:
    """Whether the pass has a plan or makes it when asked, it is what the planner says."""
    found = assess_pass(SNAPSHOT)

    assert found.plan({shape: 1}, wanted) == fit(found.states, SNAPSHOT, {shape: 1}, wanted)


def test_a_plan_the_pass_has_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape of the rules is answered without the planner, a count or another shape by it."""
    found = assess_pass(SNAPSHOT)
    calls: list[object] = []

    def counting(*arguments: object, **_others: object) -> Plan:
        calls.append(arguments)
        return found.plans[0]

    monkeypatch.setattr("xenwatch.assessment.fit_known", counting)
    assert [found.plan({shape: 1}) for shape in BUILT_IN.values()] == list(found.plans)
    assert calls == []
    found.plan({WINDOWS: 1}, 3)
    found.plan({WINDOWS: 2})
    assert len(calls) == 2


def test_alerts_are_evaluated_on_the_metrics() -> None:
    """With a policy an assessment gets its alerts from its families, and those so far go on."""
    policy = dataclasses.replace(Settings().alerts(), seconds={alert.name: 60 for alert in ALERTS})
    rules = Rules({"aio_requests": Thresholds(None, 1e-9)}, policy=policy)
    alerts = Alerts()
    states: list[State] = []
    for seconds in (0, 60):
        snapshot = dataclasses.replace(
            full_snapshot(), time=1000.0 + seconds, instant=1000.0 + seconds
        )
        found = assess_pass(snapshot, rules)
        judged = with_alerts(found, by_name(found), alerts)
        assert judged.alerts is not None
        alerts = judged.alerts
        states.append(alerts.states["aio_requests_near_limit", "critical"])
        assert dataclasses.replace(judged, alerts=None) == found

    assert states == [State.PENDING, State.FIRING]


def test_without_a_policy_there_are_no_alerts() -> None:
    """Where no alerts are to be evaluated, none are: that is not the same as none that fires."""
    found = assess_pass(full_snapshot())

    assert with_alerts(found, by_name(found), Alerts()).alerts is None
