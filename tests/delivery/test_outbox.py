"""What there is to tell: what stands, what is over, and what becomes of it over a restart."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.alerts.support import POLICY
from tests.delivery.test_notifier import AIO, FIRES, FIRING, KEY, OVER
from tests.fake_clock import START
from tests.support import full_snapshot
from xenwatch import metrics
from xenwatch.alerts.states import Alerts, step
from xenwatch.delivery import outbox
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import assess
from xenwatch.readings.storage import Aio

LAST = 240.0
"""Seconds an alert lasts at Alertmanager that is not told again."""


def test_what_is_long_over_is_told_no_more() -> None:
    """An end is repeated for a quarter of an hour, an alert that fires anew at once replaces it."""
    box = outbox.Outbox("host1", "r/", [])
    box.take(FIRES, START)
    box.take(OVER, START)
    end = START + 30 + outbox.RETENTION

    box.take(Alerts(), end - 1)
    assert len(box.standing(end - 1, 240)) == 1
    box.take(Alerts(), end)
    assert box.standing(end, 240) == box.kept(end)["over"] == []
    box.take(OVER, START)
    box.take(FIRES, START)
    [alert] = box.standing(START + 31, 240)
    assert alert["endsAt"] == "2023-11-14T22:17:51.000+00:00"


def test_the_critical_are_told_first() -> None:
    """A warning is sent after the critical alert that inhibits it, whichever fired first."""
    critical = dataclasses.replace(FIRING, severity="critical")
    box = outbox.Outbox("host1", "r/", [])
    box.take(Alerts({KEY: FIRING, (AIO.name, "critical", ()): critical}, {}, ()), START)

    severities = [alert["labels"]["severity"] for alert in box.standing(START, 240)]
    assert severities == ["critical", "warning"]


def restored(alerts: Alerts, away: float, boot: str = "") -> outbox.Outbox:
    """An outbox that has taken up what another kept, `away` seconds later, after that boot."""
    box = outbox.Outbox("host1", "r/", ["webhook"])
    box.take(alerts, START)
    anew = outbox.Outbox("host1", "r/", ["webhook"])
    anew.boot = boot
    anew.restore(json.loads(json.dumps(box.kept(START))), START + away, LAST)
    return anew


def next_page(box: outbox.Outbox, away: float, used: int) -> Alerts:
    """The alerts of the first page after `away` seconds, on which so many aio requests are used."""
    snapshot = dataclasses.replace(full_snapshot(), time=START + away, aio=Aio(used, 100))
    states = assess(snapshot, {"aio_requests": Thresholds(0.8, None)})
    page = {it.name: it for it in metrics.families(snapshot, states)}
    return step(box.alerts, page, snapshot, POLICY, [AIO])


def test_what_was_restored_is_not_told_before_a_page() -> None:
    """Whether an alert of before a restart still fires, the first page says, and nobody earlier."""
    box = restored(FIRES, 10)

    assert [it.fired for it in box.alerts.firing] == [START]
    assert box.standing(START + 10, LAST) == []
    alerts = next_page(box, 10, used=90)
    assert [box.take(alerts, START + 10), box.take(alerts, START + 11)] == [True, False]
    [alert] = box.standing(START + 10, LAST)
    assert alert["startsAt"] == "2023-11-14T22:13:20.000+00:00"


@pytest.mark.parametrize(
    ("away", "used", "fires"),
    [(10, 90, True), (10, 10, True), (LAST + 1, 90, True), (LAST + 1, 10, False)],
)
def test_what_ended_meanwhile_is_not_revived(away: float, used: int, fires: bool) -> None:
    """An alert outlives a short restart, a long one only where its condition still holds."""
    box = restored(FIRES, away)
    alerts = next_page(box, away, used)
    box.take(alerts, START)

    assert [it.fired for it in alerts.firing] == [START] * fires
    assert [it["status"] for it in box.queues["webhook"]] == [
        "firing", *["resolved"] * (not fires)
    ]  # fmt: skip


def test_a_restart_does_not_prolong_an_alert() -> None:
    """How long an alert is kept counts from where its condition was last seen, before a restart."""
    ended = dataclasses.replace(FIRING, ended=START - 200)
    keep = POLICY.keep
    box = restored(dataclasses.replace(FIRES, active={KEY: ended}), 10)

    assert next_page(box, keep - 201, used=10).firing
    assert not next_page(box, keep - 200, used=10).firing


def test_alerts_of_another_boot_are_over() -> None:
    """After a boot nothing is revived, for a domain id is another VM's, and who was told hears."""
    box = restored(FIRES, 30, boot="another")

    assert box.alerts.active == {}
    assert [it["state"] for it in box.queues["webhook"]] == ["firing", "unknown"]
    [alert] = box.standing(START + 30, LAST)
    assert alert["endsAt"] == "2023-11-14T22:13:50.000+00:00"


@pytest.mark.parametrize(("away", "since"), [(10, START - 20), (LAST + 1, START + LAST + 1)])
def test_a_pending_alert_goes_on_after_a_short_restart(away: float, since: float) -> None:
    """The time an alert was pending counts after a short restart, that of the restart does not."""
    pending = dataclasses.replace(FIRING, since=START - 30, fired=None)
    box = restored(Alerts({KEY: pending}), away)
    [alert] = next_page(box, away, used=90).active.values()

    assert alert.since == since


def test_alerts_of_another_version_are_left_behind() -> None:
    """An alert that is no longer in the table is not restored."""
    box = outbox.Outbox("host1", "r/", ["webhook"])
    box.take(FIRES, START)
    kept = json.loads(json.dumps(box.kept(START)).replace("aio_requests_near", "gone_near"))
    anew = outbox.Outbox("host1", "r/", ["command"])
    anew.restore(kept, START, LAST)

    assert anew.alerts == Alerts()
    assert not anew.queues["command"]


def test_a_queue_is_bounded() -> None:
    """A receiver that never takes anything costs a bounded amount of memory."""
    box = outbox.Outbox("host1", "r/", ["webhook"])
    for _ in range(outbox.MOST_EVENTS):
        box.take(FIRES, START)
        box.take(OVER, START)

    assert len(box.queues["webhook"]) == outbox.MOST_EVENTS
    assert box.queues["webhook"][-1]["status"] == "resolved"
