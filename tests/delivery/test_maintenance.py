"""The alert XenwatchMaintenance that the daemon delivers: to whom, for how long, over restarts."""

from __future__ import annotations

from typing import Any

from tests.delivery.support import saved
from tests.delivery.test_notifier import FIRES
from tests.fake_clock import START, at
from xenwatch.alerts.maintenance import LONGEST, Maintenance
from xenwatch.alerts.messages import Sender, rfc3339
from xenwatch.alerts.states import Alerts
from xenwatch.delivery.outbox import Outbox

KEEP = 420.0
"""Seconds for which alerts are kept."""
EXPIRY = 240.0
"""Seconds after which an alert that is not resent expires at Alertmanager."""
SAID = Maintenance(START + 3600, "disks")
LABELS = {"job": "dom0", "pool": "p1"}


def outbox() -> Outbox:
    """What a host with a webhook delivers."""
    return Outbox(Sender("host1", "r/", LABELS), ["webhook"])


def told(box: Outbox) -> list[tuple[str, str]]:
    """Status and name of what the webhook is told."""
    return [
        ("firing" if event.ends is None else "resolved", event.labels["alertname"])
        for event in box.queues["webhook"]
    ]


def named(box: Outbox, seconds: float) -> list[dict[str, Any]]:
    """What Alertmanager is sent of the maintenance."""
    return [
        alert
        for alert in box.current(at(seconds), EXPIRY)
        if alert["labels"]["alertname"] == "XenwatchMaintenance"
    ]


def restarted(box: Outbox, seconds: float, boot: str = "") -> Outbox:
    """The same after a restart of the daemon, or a boot of the host."""
    anew = outbox()
    anew.boot = boot
    anew.restore(saved(box, at(seconds)), at(seconds), EXPIRY)
    return anew


def test_alertmanager_hears_of_maintenance_before_all_else() -> None:
    """The alert has the labels of the rule's and comes before the alerts that it inhibits."""
    box = outbox()
    box.enqueue(FIRES, 0.0)
    assert box.maintain(SAID, at(10), KEEP)

    first, _ = box.current(at(10), EXPIRY)
    assert first["labels"] == {
        **LABELS, "alertname": "XenwatchMaintenance", "severity": "info", "instance": "host1",
    }  # fmt: skip
    assert first["annotations"]["summary"] == (
        "host1: in maintenance until 2023-11-14 23:13 UTC: disks"
    )
    assert first["annotations"]["description"].endswith(" First: `xenwatch maintenance status`")
    assert first["annotations"]["runbook_url"] == "r/XenwatchMaintenance.md"
    assert first["startsAt"] == "2023-11-14T22:13:30.000+00:00"
    assert first["endsAt"] == "2023-11-14T23:20:20.000+00:00"


def test_alertmanager_has_it_for_as_long_as_the_rule() -> None:
    """It fires until alerts whose condition ended with the maintenance are over, then it ends."""
    box = outbox()
    box.maintain(SAID, at(0), KEEP)
    assert box.maintain(None, at(100), KEEP)
    last = 100 + KEEP
    assert not box.maintain(None, at(last - 1), KEEP)
    assert [alert["endsAt"] for alert in named(box, last - 1)] == [rfc3339(START + last)]

    assert box.maintain(None, at(last + 1), KEEP)
    assert [alert["endsAt"] for alert in named(box, last + 60)] == [rfc3339(START + last + 1)]
    assert not box.maintain(None, at(last + 10), KEEP)


def test_it_lasts_while_the_host_is_down() -> None:
    """A host that is down for hours is still in maintenance, a week at most."""
    box = outbox()
    box.enqueue(FIRES, 0.0)
    for until, expires in ((SAID.until, SAID.until), (1e11, START + LONGEST)):
        box.maintain(Maintenance(until), at(0), KEEP)
        assert [alert["endsAt"] for alert in named(box, 0)] == [rfc3339(expires + KEEP)]


def test_others_are_told_once_when_it_begins_and_when_it_ends() -> None:
    """A webhook gets an event at the beginning and one at the end, none for another end."""
    box = outbox()
    box.maintain(SAID, at(0), KEEP)
    assert not box.maintain(Maintenance(START + 7200), at(10), KEEP)
    assert named(box, 10)[0]["annotations"]["summary"].endswith("00:13 UTC")
    assert told(box) == [("firing", "XenwatchMaintenance")]

    for seconds in (20.0, 30.0, 20.0 + KEEP):
        box.maintain(None, at(seconds), KEEP)
    begin, end = box.queues["webhook"]
    assert told(box) == [("firing", "XenwatchMaintenance"), ("resolved", "XenwatchMaintenance")]
    assert begin.starts == end.starts
    assert end.ends == 20.0
    assert end.labels["severity"] == "info"


def test_one_that_begins_again_fires_again() -> None:
    """Begun anew, while the last is still kept or after that, it fires for all receivers."""
    for pause in (10.0, KEEP):
        box = outbox()
        box.maintain(SAID, at(0), KEEP)
        box.maintain(None, at(10), KEEP)
        box.maintain(None, at(10 + pause), KEEP)
        assert box.maintain(SAID, at(20 + pause), KEEP)

        [alert] = named(box, 20 + pause)
        assert alert["endsAt"] == rfc3339(SAID.until + KEEP)
        assert [status for status, _ in told(box)] == ["firing", "resolved", "firing"]


def test_a_restart_or_reboot_in_maintenance_is_not_told() -> None:
    """It goes on over a restart and a boot of the host, with the same start, and is told once."""
    for boot in ("", "another"):
        box = outbox()
        box.maintain(SAID, at(0), KEEP)
        anew = restarted(box, 60, boot)
        assert not anew.maintain(SAID, at(70), KEEP)
        anew.enqueue(Alerts(), 70.0)

        assert told(anew) == [("firing", "XenwatchMaintenance")]
        assert named(anew, 70)[0]["startsAt"] == named(box, 0)[0]["startsAt"]


def test_what_is_kept_goes_on_being_kept_after_a_restart() -> None:
    """Restarted after the end, the daemon ends the alert when it would have, and tells no end."""
    box = outbox()
    box.maintain(SAID, at(0), KEEP)
    box.maintain(None, at(10), KEEP)
    anew = restarted(box, 60)
    events = told(anew)

    assert not anew.maintain(None, at(9 + KEEP), KEEP)
    assert anew.maintain(None, at(10 + KEEP), KEEP)
    assert told(anew) == events == [(s, "XenwatchMaintenance") for s in ("firing", "resolved")]
