"""The alerts of limits: what each takes of its limit, and what it is a cause of."""

from __future__ import annotations

import pytest

from tests.alerts.support import POLICY, leak, walk
from xenwatch.alerts.base import PERCENT
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import LimitCondition, matcher
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.states import State, ended
from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_an_alert_has_what_its_limit_says(limit: Limit) -> None:
    """Name, texts, labels, probe, causes and errors of the alert are those of the limit."""
    alert = near_limit(limit)
    by_vm = limit.label == "domid"
    labels = VM if by_vm else tuple(filter(None, [limit.label]))

    assert alert.name == f"{limit.name}_near_limit"
    assert alert.labels == labels
    assert alert.probe == limit.probe
    assert (alert.explains, alert.errors) == (limit.explains, limit.errors)
    assert (alert.shown, alert.sparse, alert.seconds) == (PERCENT, False, 60)
    reached = {severity: LimitCondition(limit, severity) for severity in ("warning", "critical")}
    assert alert.conditions == {
        severity: ByVm(condition) if by_vm else condition for severity, condition in reached.items()
    }
    for text in (alert.summary, alert.description):
        thing = text.partition(" of VM {vm}:")[0]
        assert text.startswith(limit.title) or by_vm
        assert " of a " not in thing or not by_vm
        assert by_vm or all(f"({label} {{{label}}})" in text for label in labels)
        assert not by_vm or (thing != text and limit.title.startswith(thing.partition(" of ")[0]))
        assert "{value}" in text
    assert "{value} of the max is in use. " in alert.description
    assert limit.symptom in alert.description


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_limit_that_explains_an_alert_is_among_its_causes(alert: object) -> None:
    """An alert's causes name the alerts of exactly those limits that explain it."""
    names = {near_limit(limit).name: limit for limit in LIMITS}
    causes = set(getattr(alert, "causes", ())) & set(names)

    assert causes == {
        name for name, limit in names.items() if getattr(alert, "name", "") in limit.explains
    }


@pytest.mark.parametrize(
    ("values", "negation", "text"),
    [
        (("a",), "", 'x="a"'),
        (("a",), "!", 'x!="a"'),
        (("a", "b"), "", 'x=~"a|b"'),
        (("a", "b"), "!", 'x!~"a|b"'),
    ],
)
def test_a_matcher_is_prometheus_own(values: tuple[str, ...], negation: str, text: str) -> None:
    """One value is compared, several are a regular expression, and both can be negated."""
    assert matcher("x", values, negation) == text


def test_alerts_that_are_switched_off_are_unknown() -> None:
    """Each active alert changes from the state it was in to unknown, and nothing stays active."""
    before = walk((0, leak(90)), (60, leak(90)), policy=POLICY)[-1]
    after = ended(before, 70)

    assert (after.active, after.states) == ({}, {})
    assert [
        (change.active, change.was, change.now, change.instant) for change in after.changes
    ] == [(one, State.FIRING, State.UNKNOWN, 70) for one in before.active.values()]
    assert len(after.changes) == 1
