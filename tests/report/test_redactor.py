"""Other names in what is told of a record."""

from __future__ import annotations

import dataclasses

import pytest

from tests.report.test_events import WEB, past
from tests.support import full_snapshot
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Active, Alerts
from xenwatch.alerts.table import ALERTS
from xenwatch.readings.log_messages import LastMessage, LogMessages
from xenwatch.record.past import Past
from xenwatch.redaction.tokens import HOST, VM, Tokens
from xenwatch.report.events import summary
from xenwatch.report.redactor import LEFT_OUT, Redactor

KEY = bytes(32)


def test_a_vm_has_the_name_that_a_capture_gives_it() -> None:
    """With the same key, in moments and in texts."""
    redactor = Redactor(KEY)
    found = redactor.past(past(0, dataclasses.replace(WEB, name=b"accounts-7")))
    assert found.snapshot.domains is not None
    name = found.snapshot.domains.domains[1].name
    assert name == Tokens(KEY).name(VM, b"accounts-7")
    assert redactor.text("VM accounts-7 of 10.1.2.3").startswith(f"VM {name.decode()} of ")
    assert "10.1.2.3" not in redactor.text("VM of 10.1.2.3")


def test_a_short_name_is_replaced_too_where_only_a_name_can_stand() -> None:
    """In alerts, whose labels have it; their details are left out."""
    alert = next(alert for alert in ALERTS if "name" in alert.labels and "uuid" in alert.labels)
    labels = tuple(sorted({**dict.fromkeys(alert.labels, "x"), "name": "w1"}.items()))
    active = Active(alert, "warning", labels, 0.0, 0.5, 1.0, detail="by 'w1'")
    moment = past(0, alerts=Alerts({(alert.name, "warning", labels): active}))
    [found] = (Redactor(KEY).past(moment).alerts or Alerts()).firing
    assert "w1" not in summary(found)
    assert found.detail == ""


@pytest.mark.parametrize("host", ["h", "db", "xen1.example.com"])
def test_the_journal_has_another_name_of_the_host(host: str) -> None:
    """Also a short one, which stands in each line before the program."""
    redactor = Redactor(KEY, [host])
    lines = (
        '2026-01-31T03:10:00.123456+00:00 {0} xenwatch[7]: {{"event": "db h started"}}\n'
        "2026-01-31T03:10:01.123456+00:00 {0} systemd[1]: Stopped h: a db.\n"
        "-- Boot 1 --\n"
    )
    made = Tokens(KEY).name(HOST, host.encode()).decode()
    assert redactor.journal(lines.format(host)) == lines.format(made)


def test_free_text_is_left_out() -> None:
    """Of logs and of maintenance."""
    log = LogMessages({"oom": 1}, {}, {}, {"oom": LastMessage("killed accounts", None)}, 0)
    moment = past(0, kernel_log=log, maintenance=Maintenance(1e9, "for Anna"))
    found = Redactor(KEY).past(moment)
    assert found.maintenance == Maintenance(1e9)
    assert found.snapshot.kernel_log is not None
    assert found.snapshot.kernel_log.last["oom"].text == LEFT_OUT


def test_names_of_storage_and_networks_are_learnt() -> None:
    """From the readings, for texts; the version of a kernel is no address."""
    snapshot = full_snapshot()
    redactor = Redactor(KEY, releases=["2.6.32.43-0.4"])
    assert snapshot.volume_groups is not None
    group = {"customer_data": next(iter(snapshot.volume_groups.by_name.values()))}
    groups = dataclasses.replace(snapshot.volume_groups, by_name=group)
    redactor.past(Past(dataclasses.replace(snapshot, volume_groups=groups), None, {}, {}, None))
    assert "customer" not in redactor.text("volume_group vg=customer_data: 90% used")
    assert redactor.text("Linux 2.6.32.43-0.4") == "Linux 2.6.32.43-0.4"
