"""Times on the page, in the JSON and in the metrics after the clock of dom0 was set."""

from __future__ import annotations

import dataclasses

import pytest

from tests.fake_clock import at
from tests.support import full_snapshot
from xenwatch.alerts.states import Active, Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Rules, assess_pass
from xenwatch.metrics import Configured, Counts, families
from xenwatch.planning.forecast import History
from xenwatch.probes import PROBES
from xenwatch.readings.log_messages import LastMessage
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.host_status import host_status

OF_OTHERS = {
    "xenwatch_certificate_not_after_timestamp_seconds": "by the calendar",
    "xenwatch_maintenance_end_timestamp_seconds": "by the calendar",
}
AGE, NOW = 10.0, 1000.0


def snapshot(ahead: float) -> Snapshot:
    """All was read ten seconds ago, by a clock that was set since."""
    full, now = full_snapshot(), at(NOW, ahead)
    assert full.kernel_log is not None
    last = {
        "conntrack_full": LastMessage("full", NOW - AGE),
        "machine_check": LastMessage("not yet", NOW + 1),
    }
    outcomes = {
        name: dataclasses.replace(outcome, instant=NOW - AGE)
        for name, outcome in full.outcomes.items()
    }
    log = dataclasses.replace(full.kernel_log, last=last)
    return dataclasses.replace(
        full, time=now.time, instant=now.instant, outcomes=outcomes, kernel_log=log
    )


@pytest.mark.parametrize("ahead", [0.0, -7200.0, 3600.0])
def test_metrics_tell_when_it_was_by_the_clock_of_now(ahead: float) -> None:
    """A reading of ten seconds ago has the time of ten seconds ago, and none is ahead."""
    assessment = assess_pass(snapshot(ahead))
    counts = Counts(configured=Configured(True, NOW - AGE))
    told = {
        (family.name, labels): value
        for family in families(assessment, counts)
        if family.name.endswith("timestamp_seconds") and family.name not in OF_OTHERS
        for labels, value in family.samples
    }

    now = at(NOW, ahead).time
    assert len({name for name, _ in told}) == 4
    assert max(told.values()) == now
    assert set(told.values()) == {now, now - AGE}
    assert told["xenwatch_log_last_message_timestamp_seconds", ("kernel", "machine_check")] == now


@pytest.mark.parametrize("ahead", [0.0, -7200.0, 3600.0])
def test_the_status_tells_when_it_was_by_the_clock_of_now(ahead: float) -> None:
    """So it is with the time of a probe, of a message, and of an alert's begin."""
    alert = next(each for each in ALERTS if not each.labels)
    active = Active(alert, "warning", (), since=NOW - AGE, value=1.0)
    alerts = Alerts({(alert.name, "warning", ()): active})
    found = host_status(
        dataclasses.replace(assess_pass(snapshot(ahead), Rules()), alerts=alerts), PROBES
    )

    now = at(NOW, ahead).time
    assert found.time == now
    assert {row.time for row in found.probes.values()} == {now - AGE}
    assert {row.time for row in found.logs} == {now, now - AGE, None}
    assert found.alerts is not None
    assert [row.since for row in found.alerts] == [now - AGE]


@pytest.mark.parametrize("ahead", [-7200.0, 3600.0])
def test_a_trend_goes_on(ahead: float) -> None:
    """Points of before and after the clock was set are as far apart as the readings."""
    first = snapshot(0.0)
    later = dataclasses.replace(
        snapshot(ahead),
        outcomes={
            name: dataclasses.replace(outcome, instant=NOW + 60)
            for name, outcome in first.outcomes.items()
        },
    )
    history = History()
    for each in (first, later):
        history = history.updated(assess_pass(each).states, each)

    series = set(history.series.values())
    assert series
    assert {tuple(instant for instant, _ in points) for points in series} == {(NOW - AGE, NOW + 60)}
