"""Conditions on a page and on limits, and as PromQL."""

from __future__ import annotations

import dataclasses

import pytest

from tests.alerts.support import LEAKING, family, leak
from tests.support import full_snapshot
from xenwatch.alerts.base import PERCENT
from xenwatch.alerts.bounds import Bound, OwnBound
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import (
    EVERY,
    DaysLeftCondition,
    Evidence,
    Found,
    Labels,
    LimitCondition,
    Measured,
    OwnThreshold,
    Samples,
    Selector,
    SeriesCondition,
)
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS
from xenwatch.exposition.text_format import Family
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.limits.states import LimitState, Severity, assess
from xenwatch.metrics import METRICS
from xenwatch.probes import PROBES


def by_name(*found: Family) -> Evidence:
    """A page of these families."""
    return Evidence({each.name: each for each in found})


@pytest.mark.parametrize(
    ("compare", "right", "values"),
    [(">=", 2, {2, 3}), (">", 2, {3}), ("<", 2, {1}), ("==", 2, {2})],
)
def test_values_are_compared(compare: str, right: float, values: set[float]) -> None:
    """Every comparison picks the series PromQL would."""
    evidence = by_name(family("x", {("a",): 1, ("b",): 2, ("c",): 3}, "l"))
    found = SeriesCondition(Selector("x"), compare, right).evaluate(evidence)

    assert set(found.active.values()) == values


@pytest.mark.parametrize("critical", [None, 2.0])
def test_a_threshold_of_the_alert_is_compared(critical: float | None) -> None:
    """The threshold is the configured one, and the exported one in PromQL; never is no state."""
    condition = SeriesCondition(Selector("x"), "<", OwnThreshold("slow_disk", "critical"))
    families = by_name(family("x", {("a",): 1, ("b",): 2}, "l")).families
    evidence = Evidence(families, thresholds={"slow_disk": Thresholds(None, critical)})

    expected: Samples = {(("l", "a"),): 1} if critical else {}
    assert condition.evaluate(evidence) == Found(expected)
    assert condition.applies(evidence) is bool(critical)
    assert condition.promql() == (
        "x\n< on (job, instance) group_left ()\n"
        'xenwatch_alert_threshold{alert="XenwatchSlowDisk",severity="critical"}'
    )


@pytest.mark.parametrize("warning", [None, 30.0])
def test_times_are_compared_in_days(warning: float | None) -> None:
    """A time is active from so many days before it on and once it is past, with what is left."""
    condition = DaysLeftCondition(Selector("ends"), OwnThreshold("certificate", "warning"))
    now, day = 1_800_000_000.0, 86400.0
    times: dict[tuple[str, ...], float]
    times = {("past",): now - 5, ("soon",): now + 29 * day, ("later",): now + 30 * day}
    families = by_name(family("ends", times, "l")).families
    evidence = Evidence(families, thresholds={"certificate": Thresholds(warning, None)}, time=now)

    soon: Samples = {(("l", "past"),): -5, (("l", "soon"),): 29 * day}
    assert condition.evaluate(evidence) == Found(soon if warning else {})
    assert condition.applies(evidence) is bool(warning)
    assert not condition.applies(dataclasses.replace(evidence, families={}))
    if warning:
        with pytest.raises(ValueError, match="without a time"):
            condition.evaluate(dataclasses.replace(evidence, time=None))
    assert condition.promql() == (
        "ends - time()\n< on (job, instance) group_left ()\n"
        '86400 * xenwatch_alert_threshold{alert="XenwatchCertificate",severity="warning"}'
    )


def on_limit(states: tuple[LimitState, ...], severity: str = "warning") -> Found:
    """What the condition of a limit finds in these states."""
    return LimitCondition(LEAKING, severity).evaluate(Evidence({}, {"leak": states}))


@pytest.mark.parametrize(
    ("used", "most", "found"),
    [
        (79, 100, Found({})),
        (80, 100, Found({(("what", "a"),): 0.8})),
        (120, 100, Found({(("what", "a"),): 1.2})),
        (5, None, Found({}, frozenset({(("what", "a"),)}))),
        (0, 0, Found({(("what", "a"),): 1})),
        (5, 0, Found({(("what", "a"),): 1})),
        (None, None, Found({})),
    ],
)
def test_a_limit_is_judged_by_its_state(used: int | None, most: int | None, found: Found) -> None:
    """An instance is active from its threshold on, with a max of 0 too; without a max unknown."""
    assert on_limit(tuple(leak(used, most))) == found
    assert on_limit(tuple(leak(used, most)), "critical") == Found({})


def test_a_max_of_zero_is_critical_everywhere() -> None:
    """With nothing used of a max of 0, state, exported ratio and both alerts say critical."""
    aio = next(limit for limit in LIMITS if limit.name == "aio_requests")
    [state] = leak(0, 0)
    state = LimitState(aio, "", state.used, state.max, aio.thresholds)
    evidence = Evidence({}, {aio.name: (state,)})

    assert (state.severity, state.ratio) == (Severity.CRITICAL, 1)
    for condition in near_limit(aio).conditions.values():
        assert condition.evaluate(evidence) == Found({(): 1})


def test_series_are_chosen_by_a_label() -> None:
    """Only what the other selector finds with the same label is active, and without it unknown."""
    of_x = family("x", {("1", "vbd"): 1, ("2", "vbd"): 1, ("3", "vbd"): 1}, "domid", "class")
    states = family("state", {("2", "dying"): 1, ("1", "running"): 1}, "domid", "state")
    living = Selector("state", never={"state": ("dying", "crashed")})
    condition = SeriesCondition(Selector("x"), ">", 0, among=("domid", living))

    found = condition.evaluate(by_name(of_x, states))
    assert found == Found({(("class", "vbd"), ("domid", "1")): 1})
    nobody_knows = condition.evaluate(by_name(of_x))
    assert (nobody_knows.active, len(nobody_knows.unknown)) == ({}, 3)
    assert condition.promql() == (
        '(x > 0)\nand on (job, instance, domid)\nstate{state!~"dying|crashed"}'
    )


@pytest.mark.parametrize(
    ("waits", "bound", "active"),
    [((0.05, 0.1), None, True), ((0.05, 0.09), None, False), ((0.05, 0.09), 0.05, True)],
)
def test_a_cause_is_active_with_its_symptom_alone(
    waits: tuple[float, ...], bound: float | None, active: bool
) -> None:
    """A series is active where any of the measured ones is at the bound, the configured one too."""
    own = OwnBound("slow", Bound("waiting", 0.1, "", PERCENT))
    condition = SeriesCondition(Selector("x"), ">", 0, measured=Measured(Selector("wait"), own))
    families = by_name(
        family("x", {("a",): 1, ("b",): 0}, "l"),
        family("wait", {(str(number),): value for number, value in enumerate(waits)}, "role"),
    ).families
    bounds = {} if bound is None else {("slow", "waiting"): bound}

    found = condition.evaluate(Evidence(families, bounds=bounds))
    assert found == Found({(("l", "a"),): 1} if active else {})
    assert condition.promql(bounds) == f"(x > 0)\nand on (job, instance)\nwait >= {bound or 0.1}"


def test_a_cause_whose_symptom_was_not_measured_has_no_state() -> None:
    """Without a series of the measured metric, as in a single pass, there is nothing to judge."""
    own = OwnBound("slow", Bound("waiting", 0.1, "", PERCENT))
    condition = SeriesCondition(Selector("x"), ">", 0, measured=Measured(Selector("wait"), own))
    cause = family("x", {("a",): 1, ("b",): 0}, "l")

    assert condition.evaluate(by_name(cause)) == Found({})
    assert not condition.applies(by_name(cause))
    assert condition.applies(by_name(cause, family("wait", {("xapi",): 0}, "role")))


def of_vms(vms: dict[str, str], values: dict[str, float]) -> Evidence:
    """A page of a metric by domid, and of the VMs the domains are, by name."""
    info: dict[tuple[str, ...], float] = {
        (domid, name, f"uuid-{name}", "hvm"): 1.0 for domid, name in vms.items()
    }
    return by_name(
        family("x", {(domid, "vif"): value for domid, value in values.items()}, "domid", "class"),
        family("xenwatch_domain_info", info, "domid", "name", "uuid", "type"),
    )


WEB: Labels = (("class", "vif"), ("name", "web"), ("uuid", "uuid-web"))


def test_an_alert_about_a_vm_outlives_its_domain() -> None:
    """A VM that reboots is the same series; of two domains of a VM the worse counts."""
    condition = ByVm(SeriesCondition(Selector("x"), ">", 0))

    for vms, values in (
        ({"5": "web"}, {"5": 3.0}),
        ({"9": "web", "6": "db"}, {"9": 3.0, "6": 0.0}),
        ({"5": "web", "9": "web"}, {"5": 1.0, "9": 3.0}),
    ):
        assert condition.evaluate(of_vms(vms, values)) == Found({WEB: 3.0})
    assert condition.evaluate(of_vms({"6": "db"}, {"5": 3.0})) == Found({})
    assert condition.promql() == (
        "max without (domid) (\n  (\n    x > 0\n  )\n"
        "  * on (job, instance, domid) group_left (name, uuid)\n  xenwatch_domain_info\n)"
    )


def test_without_the_domains_no_vm_is_known() -> None:
    """Where the domains were not read, an alert of any VM is unknown, and none without one."""
    condition = ByVm(SeriesCondition(Selector("x"), ">", 0))

    assert condition.evaluate(of_vms({}, {"5": 3.0})) == Found({}, frozenset({EVERY}))
    assert condition.evaluate(of_vms({}, {"5": 0.0})) == Found({})


def test_every_metric_of_the_table_exists() -> None:
    """What the conditions look at is in the table of metrics, with the labels they name."""
    known = {metric.name: set(metric.labels) for metric in METRICS}

    for alert in ALERTS:
        for condition in alert.conditions.values():
            labels = known[condition.metric]
            if isinstance(condition, ByVm):
                dropped = set(condition.dropped)
                assert dropped <= labels
                labels = {*VM, *(labels - dropped)}
                condition = condition.condition  # noqa: PLW2901 - the condition on domains
            assert set(alert.labels) == labels
            if isinstance(condition, SeriesCondition):
                among = condition.among[1] if condition.among else condition.left
                measured = condition.measured.selector if condition.measured else among
                for part in (condition.left, among, measured):
                    assert {*part.only, *part.never} <= known[part.metric]
    assert {alert.probe for alert in ALERTS} <= {probe.name for probe in PROBES} | {""}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
@pytest.mark.parametrize("bounds", [Thresholds(1e-9, None), Thresholds(None, 0.05)], ids=str)
def test_the_alert_of_a_limit_agrees_with_its_assessment(limit: Limit, bounds: Thresholds) -> None:
    """A limit's alert is active for the very instances whose severity says so."""
    states = assess(full_snapshot(), {limit.name: bounds}, [limit])
    evidence = Evidence({}, {limit.name: states})

    for severity, by_vm in near_limit(limit).conditions.items():
        condition = by_vm.condition if isinstance(by_vm, ByVm) else by_vm
        active = {
            "".join(value for _, value in labels): value
            for labels, value in condition.evaluate(evidence).active.items()
        }
        assert active == {
            state.instance: state.ratio for state in states if state.severity.value == severity
        }
