"""What is to be delivered: firing, resolved, and what becomes of both over a restart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import pytest

from tests.alerts.support import POLICY
from tests.delivery.support import saved
from tests.delivery.test_notifier import AIO, FIRES, FIRING, KEY, OVER
from tests.fake_clock import START, at
from tests.support import full_snapshot
from xenwatch.alerts import messages
from xenwatch.alerts.base import Alert
from xenwatch.alerts.inhibition import INTERVAL
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Active, Alerts, Change, SeriesKey, State, step
from xenwatch.alerts.wording import Texts
from xenwatch.assessment import Rules, assess_pass
from xenwatch.delivery import outbox
from xenwatch.delivery.saved import Value
from xenwatch.fence import Fault, Fence, Part
from xenwatch.limits.base import Thresholds
from xenwatch.readings.storage import Aio

EXPIRY = 240.0
"""Seconds after which an alert that is not resent expires at Alertmanager."""


def test_a_resolved_alert_is_resent_for_a_while() -> None:
    """It is resent for a quarter of an hour, and replaced by the same alert firing again."""
    box = outbox.Outbox(Sender("host1", "r/"), [])
    box.enqueue(FIRES, 0.0)
    box.enqueue(OVER, 0.0)
    end = 30 + outbox.RETENTION

    box.enqueue(Alerts(), end - 1)
    assert len(box.current(at(end - 1), 240)) == 1
    box.enqueue(Alerts(), end)
    assert box.current(at(end), 240) == box.saved(at(end))["over"] == []
    box.enqueue(OVER, 0.0)
    box.enqueue(FIRES, 0.0)
    [alert] = box.current(at(31), 240)
    assert alert["endsAt"] == "2023-11-14T22:17:51.000+00:00"


def test_the_critical_are_sent_first() -> None:
    """A warning is sent after the critical alert that inhibits it, whichever fired first."""
    critical = dataclasses.replace(FIRING, severity="critical")
    box = outbox.Outbox(Sender("host1", "r/"), [])
    box.enqueue(Alerts({KEY: FIRING, (AIO.name, "critical", ()): critical}, {}, ()), 0.0)

    severities = [alert["labels"]["severity"] for alert in box.current(at(0), 240)]
    assert severities == ["critical", "warning"]


def test_an_alert_whose_words_raise_is_delivered_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has its name and the command to begin with; the others have their words."""
    good = dataclasses.replace(FIRING, severity="critical")
    bad = dataclasses.replace(FIRING, value=-1.0)

    def texts(
        alert: Alert, value: float, labels: Mapping[str, str], detail: str, *, over: bool
    ) -> Texts:
        if value == -1.0:
            raise OverflowError("a bug")
        return Texts("good words", detail)

    monkeypatch.setattr(messages, "texts", texts)
    faults: list[Fault] = []
    box = outbox.Outbox(Sender("host1", "r/", fence=Fence(faults.append)), ["webhook"])
    firing: dict[SeriesKey, Active] = {KEY: bad, (AIO.name, "critical", ()): good}
    begun = tuple(Change(one, State.PENDING, State.FIRING, 0.0) for one in firing.values())
    box.enqueue(Alerts(firing, {}, begun), 0.0)

    told = [alert["annotations"] for alert in box.current(at(0), 240)]
    assert [words["summary"] for words in told] == ["host1: good words", f"host1: {AIO.title}"]
    assert told[1]["description"] == f"bug in xenwatch, see its log. First: `{AIO.first}`"
    assert events(box) == ["firing"]
    assert {(fault.part, fault.name) for fault in faults} == {(Part.ALERT, AIO.name)}


def events(box: outbox.Outbox) -> list[str]:
    """What the webhook is to be told."""
    return ["firing" if message.ends is None else "resolved" for message in box.queues["webhook"]]


STANDING = Alerts({KEY: FIRING}, {}, ())


def test_what_begins_in_maintenance_is_told_when_that_ends() -> None:
    """An alert that begins while it is quiet is held back from all, and sent if it still fires."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    assert not box.enqueue(FIRES, 0.0, quiet=True)
    assert not box.enqueue(STANDING, 10, quiet=True)
    assert (events(box), box.current(at(10), 240)) == ([], [])

    assert box.enqueue(STANDING, 20)
    assert (events(box), len(box.current(at(20), 240))) == (["firing"], 1)
    assert not box.enqueue(STANDING, 30)
    box.enqueue(OVER, 40)
    assert events(box) == ["firing", "resolved"]


def test_what_is_over_before_maintenance_ends_is_not_told() -> None:
    """An alert that began and ended while it was quiet is neither told nor told as resolved."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(FIRES, 0.0, quiet=True)
    box.enqueue(OVER, 10, quiet=True)
    box.enqueue(Alerts(), START + 20)

    assert (events(box), box.current(at(20), 240)) == ([], [])


def test_what_is_only_kept_firing_is_over_when_maintenance_ends() -> None:
    """An alert whose condition has ended is not told at the end, unless it holds once more."""
    kept = Alerts({KEY: dataclasses.replace(FIRING, ended=5.0)}, {}, ())
    over, again = (outbox.Outbox(Sender("host1", "r/"), ["webhook"]) for _ in range(2))
    for box in (over, again):
        box.enqueue(FIRES, 0.0, quiet=True)
        box.enqueue(kept, 10, quiet=True)
        assert not box.enqueue(kept, 20)
        assert (events(box), box.current(at(20), 240)) == ([], [])

    over.enqueue(OVER, 30)
    assert (events(over), over.current(at(30), 240)) == ([], [])
    again.enqueue(STANDING, 30)
    assert (events(again), len(again.current(at(30), 240))) == (["firing"], 1)


def test_what_was_told_before_maintenance_is_told_as_resolved() -> None:
    """An alert told before goes on while it is quiet, and its end is told."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(FIRES, 0.0)
    box.enqueue(STANDING, 10, quiet=True)
    assert len(box.current(at(10), 240)) == 1
    box.enqueue(OVER, 20, quiet=True)

    assert events(box) == ["firing", "resolved"]


def test_what_is_held_back_is_over_a_restart_too() -> None:
    """A daemon restarted in maintenance holds back what was, and tells it when that ends."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(FIRES, 0.0, quiet=True)
    anew = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    anew.restore(saved(box, at(0)), at(5), EXPIRY)
    anew.enqueue(STANDING, 10, quiet=True)
    assert (events(anew), anew.current(at(10), 240)) == ([], [])

    anew.enqueue(STANDING, 20)
    assert events(anew) == ["firing"]


def test_alerts_say_where_the_host_is() -> None:
    """The labels of the site, and the job, are on firing and resolved alerts and on events."""
    labels = {"job": "dom0", "pool": "p1", "site": "b"}
    box = outbox.Outbox(Sender("host1", "r/", labels), ["webhook"])
    box.enqueue(FIRES, 0.0)
    sent = box.current(at(0), 240)
    box.enqueue(OVER, 1)
    sent += [*box.current(at(1), 240), *(each.document(at(1)) for each in box.queues["webhook"])]

    assert len(sent) == 4
    for alert in sent:
        assert alert["labels"] == {
            **labels, "alertname": "XenwatchAioRequestsNearLimit", "severity": "warning",
            "limit": "aio_requests",
            "instance": "host1",
        }  # fmt: skip


def restored(alerts: Alerts, away: float, boot: str = "") -> outbox.Outbox:
    """An outbox that has restored what another saved, `away` seconds later, after that boot."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(alerts, 0.0)
    anew = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    anew.boot = boot
    anew.restore(saved(box, at(0)), at(away), EXPIRY)
    return anew


def next_page(box: outbox.Outbox, away: float, used: int) -> Alerts:
    """The alerts of the first page after `away` seconds, on which so many aio requests are used."""
    snapshot = dataclasses.replace(
        full_snapshot(), time=START + away, instant=away, aio=Aio(used, 100)
    )
    assessment = assess_pass(snapshot, Rules({"aio_requests": Thresholds(0.8, None)}))
    return step(box.alerts, {}, snapshot, POLICY, limits=assessment.states, table=[AIO])


def test_a_pager_shows_that_no_host_is_live() -> None:
    """The summary of an alert that is invented begins so; its labels are those of any other."""
    marked, live = (
        outbox.Outbox(Sender("host1", "r/", mark=mark), []) for mark in ("SYNTHETIC", "")
    )
    for box in (marked, live):
        box.enqueue(FIRES, 0.0)
    [invented], [real] = (box.current(at(0), 240.0) for box in (marked, live))

    assert invented["annotations"]["summary"] == f"SYNTHETIC, {real['annotations']['summary']}"
    assert real["annotations"]["summary"].startswith("host1: ")
    assert invented["labels"] == real["labels"]


def test_what_was_restored_is_not_sent_before_a_page() -> None:
    """Whether an alert still fires after a restart is known with the first page, not earlier."""
    box = restored(FIRES, 10)

    assert [active.fired for active in box.alerts.firing] == [0.0]
    assert box.current(at(10), EXPIRY) == []
    alerts = next_page(box, 10, used=90)
    assert [box.enqueue(alerts, 10), box.enqueue(alerts, 11)] == [True, False]
    [alert] = box.current(at(10), EXPIRY)
    assert alert["startsAt"] == "2023-11-14T22:13:20.000+00:00"


@pytest.mark.parametrize(
    ("away", "used", "fires"),
    [(10, 90, True), (10, 10, True), (EXPIRY + 1, 90, True), (EXPIRY + 1, 10, False)],
)
def test_what_ended_meanwhile_is_not_revived(away: float, used: int, fires: bool) -> None:
    """An alert outlives a short restart, a long one only where its condition still holds."""
    box = restored(FIRES, away)
    alerts = next_page(box, away, used)
    box.enqueue(alerts, 0.0)

    assert [active.fired for active in alerts.firing] == [0.0] * fires
    assert events(box) == ["firing", *["resolved"] * (not fires)]


def test_a_restart_does_not_prolong_an_alert() -> None:
    """How long an alert is kept counts from where its condition was last seen, before a restart."""
    ended = dataclasses.replace(FIRING, ended=-200.0)
    keep = POLICY.keep
    box = restored(dataclasses.replace(FIRES, active={KEY: ended}), 10)

    assert next_page(box, keep - 201, used=10).firing
    assert not next_page(box, keep - 200, used=10).firing


def test_alerts_of_another_boot_are_over() -> None:
    """After a boot nothing is revived, for a domain id is another VM's, and receivers get that."""
    box = restored(FIRES, 30, boot="another")

    assert box.alerts.active == {}
    assert [message.state for message in box.queues["webhook"]] == ["firing", "unknown"]
    [alert] = box.current(at(30), EXPIRY)
    assert alert["endsAt"] == "2023-11-14T22:13:50.000+00:00"


@pytest.mark.parametrize(("away", "since"), [(10, -20), (EXPIRY + 1, EXPIRY + 1)])
def test_a_pending_alert_goes_on_after_a_short_restart(away: float, since: float) -> None:
    """The time an alert was pending counts after a short restart, that of the restart does not."""
    pending = dataclasses.replace(FIRING, since=-30.0, fired=None)
    box = restored(Alerts({KEY: pending}), away)
    [alert] = next_page(box, away, used=90).active.values()

    assert alert.since == since


def test_alerts_of_another_version_are_left_behind() -> None:
    """An alert that is no longer in the table is not restored."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    box.enqueue(FIRES, 0.0)
    kept = json.loads(json.dumps(box.saved(at(0))).replace("aio_requests_near", "gone_near"))
    anew = outbox.Outbox(Sender("host1", "r/"), ["command"])
    anew.restore(Value(kept), at(0), EXPIRY)

    assert anew.alerts == Alerts()
    assert not anew.queues["command"]


def test_a_queue_is_bounded() -> None:
    """A receiver that never accepts anything costs a bounded amount of memory."""
    box = outbox.Outbox(Sender("host1", "r/"), ["webhook"])
    for number in range(outbox.MOST_EVENTS):
        box.enqueue(FIRES, number * INTERVAL)
        box.enqueue(OVER, number * INTERVAL)

    assert len(box.queues["webhook"]) == outbox.MOST_EVENTS
    assert box.queues["webhook"][-1].ends is not None
