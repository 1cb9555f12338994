"""Conditions on a page and as PromQL."""

from __future__ import annotations

import pytest

from tests.alerts.support import family
from tests.support import full_snapshot
from xenwatch.alerts.conditions import Condition, Found, Page, Selector
from xenwatch.alerts.table import ALERTS, near_limit
from xenwatch.exposition.text_format import Family
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.limits.states import assess
from xenwatch.metrics import METRICS, families
from xenwatch.probes import PROBES


def by_name(*found: Family) -> Page:
    """A page of these families."""
    return {it.name: it for it in found}


@pytest.mark.parametrize(
    ("compare", "right", "values"),
    [(">=", 2, {2, 3}), (">", 2, {3}), ("<", 2, {1}), ("==", 2, {2})],
)
def test_values_are_compared(compare: str, right: float, values: set[float]) -> None:
    """Every comparison picks the series PromQL would."""
    page = by_name(family("x", {("a",): 1, ("b",): 2, ("c",): 3}, "l"))

    assert set(Condition(Selector("x"), compare, right).evaluate(page).active.values()) == values


def test_a_part_without_its_whole_is_unknown() -> None:
    """A series without ceiling is unknown, one with a ceiling of 0 is full."""
    page = by_name(
        family("used", {("a",): 5, ("b",): 5, ("c",): 5, ("d",): 0}, "l"),
        family("max", {("a",): 10, ("b",): 0, ("d",): 0}, "l"),
    )

    found = Condition(Selector("used"), ">=", 0.5, over=Selector("max")).evaluate(page)

    assert found == Found(
        {(("l", "a"),): 0.5, (("l", "b"),): float("inf")}, frozenset({(("l", "c"),), (("l", "d"),)})
    )


def test_series_are_chosen_by_a_label() -> None:
    """Only what the other selector finds with the same label is active, and without it unknown."""
    of_x = family("x", {("1", "vbd"): 1, ("2", "vbd"): 1, ("3", "vbd"): 1}, "domid", "class")
    states = family("state", {("2", "dying"): 1, ("1", "running"): 1}, "domid", "state")
    living = Selector("state", never={"state": ("dying", "crashed")})
    condition = Condition(Selector("x"), ">", 0, among=("domid", living))

    found = condition.evaluate(by_name(of_x, states))
    assert found == Found({(("class", "vbd"), ("domid", "1")): 1})
    nobody_knows = condition.evaluate(by_name(of_x))
    assert (nobody_knows.active, len(nobody_knows.unknown)) == ({}, 3)
    assert condition.promql() == (
        '(x > 0)\nand on (job, instance, domid)\nstate{state!~"dying|crashed"}'
    )


def test_every_metric_of_the_table_exists() -> None:
    """What the conditions look at is in the table of metrics, with the labels they name."""
    known = {metric.name: set(metric.labels) for metric in METRICS}

    for alert in ALERTS:
        for condition in alert.conditions.values():
            among = condition.among[1] if condition.among else None
            parts = (condition.left, condition.right, condition.over, among)
            for part in parts:
                if isinstance(part, Selector):
                    assert {*part.only, *part.never} <= known[part.metric]
            assert set(alert.labels) == known[condition.left.metric]
    assert {alert.probe for alert in ALERTS} <= {probe.name for probe in PROBES} | {""}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
@pytest.mark.parametrize("bounds", [Thresholds(1e-9, None), Thresholds(None, 0.05)], ids=str)
def test_the_alert_of_a_limit_agrees_with_its_assessment(limit: Limit, bounds: Thresholds) -> None:
    """A limit's alert is active for the very instances whose severity says so."""
    snapshot = full_snapshot()
    states = assess(snapshot, {limit.name: bounds}, [limit])
    page = by_name(*families(snapshot, states))

    for severity, condition in near_limit(limit).conditions.items():
        active = {
            "".join(value for _, value in labels): value
            for labels, value in condition.evaluate(page).active.items()
        }
        assert active == {
            state.instance: state.ratio for state in states if state.severity.value == severity
        }
