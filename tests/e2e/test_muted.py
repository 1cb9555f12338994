"""What Alertmanager does not notify: alerts of a host in maintenance, and of one that is gone."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Alertmanager, Host, Prometheus, Receiver, until
from tests.e2e.test_alerts import AT_ONCE, CHANNELS, by_webhook
from xenwatch.alerts.maintenance import Maintenance, dumps

pytestmark = pytest.mark.timeout(240)

MAINTENANCE = "XenwatchMaintenance"
OTHER = "other:10730"
"""A host that is well known to be neither gone nor in maintenance."""


def begin(file: Path) -> None:
    """Put the host whose file that is into maintenance."""
    new = file.with_suffix(".new")
    new.write_text(dumps(Maintenance(time.time() + 3600, "disks")))
    new.replace(file)


def pages(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Status, name and instance of the critical alerts that Alertmanager has notified."""
    return [
        (alert["status"], alert["labels"]["alertname"], alert["labels"]["instance"])
        for document in receiver.got
        if document.get("receiver") == "page"
        for alert in document["alerts"]
    ]


def critical(keeper: Alertmanager, name: str, host: Host) -> dict[str, Any] | None:
    """The critical alert of that name which Alertmanager has of the host."""
    wanted = {"alertname": name, "severity": "critical", "instance": host.target}.items()
    found = (alert for alert in keeper.alerts() if wanted <= alert["labels"].items())
    return next(found, None)


def muted(keeper: Alertmanager, name: str, host: Host) -> bool:
    """Whether Alertmanager has that alert of the host, and does not notify it."""
    found = critical(keeper, name, host)
    return found is not None and bool(found["status"]["inhibitedBy"])


def fire_elsewhere(keeper: Alertmanager, receiver: Receiver) -> None:
    """Let the alert fire on another host, until that is notified.

    It is of the same group: whatever there was to notify of the first host has been notified by
    then.
    """
    labels = {"alertname": CHANNELS, "severity": "critical", "job": "xenwatch", "instance": OTHER}
    request = urllib.request.Request(
        f"{keeper.url}/api/v2/alerts",
        json.dumps([{"labels": labels}]).encode(),
        {"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=30).close()
    until(lambda: ("firing", CHANNELS, OTHER) in pages(receiver), "the other host is notified")


def test_the_daemon_alone_mutes_its_host_in_maintenance(tmp_path: Path) -> None:
    """Without Prometheus an alert that fires already is muted, and so is its end in maintenance.

    The webhook is told of the beginning and the end of maintenance.
    """
    receiver = Receiver()
    keeper = Alertmanager(tmp_path, receiver.url)
    file = tmp_path / "maintenance.json"
    settings = (
        f'{AT_ONCE}[alertmanager]\nurls = ["{keeper.url}"]\n[webhook]\nurl = "{receiver.url}"\n'
        f'[maintenance]\nfile = "{file}"\n'
    )
    host = Host(tmp_path, "leak", settings)
    with receiver.running(), keeper.running(), host.running():
        host.turn("storm")
        until(lambda: ("firing", CHANNELS, host.target) in pages(receiver), "a page")
        begin(file)
        until(lambda: muted(keeper, CHANNELS, host), "maintenance mutes it")
        host.turn("calm")
        until(lambda: critical(keeper, CHANNELS, host) is None, "it is resolved")
        fire_elsewhere(keeper, receiver)
        meanwhile = [page for page in pages(receiver) if page[2] == host.target]
        file.unlink()
        until(lambda: ("resolved", MAINTENANCE, "info") in by_webhook(receiver), "the end is told")
        until(
            lambda: all(alert["labels"]["alertname"] != MAINTENANCE for alert in keeper.alerts()),
            "nothing is muted any more",
        )

    assert meanwhile == [("firing", CHANNELS, host.target)]
    ours = [event for event in by_webhook(receiver) if event[1] == MAINTENANCE]
    assert ours == [(status, MAINTENANCE, "info") for status in ("firing", "resolved")]


@pytest.mark.parametrize("by", [MAINTENANCE, "XenwatchUnreachable"])
def test_nobody_is_told_that_alerts_of_a_dead_host_end(by: str, tmp_path: Path) -> None:
    """The alerts of a host that stops answering end without a word, in maintenance or not.

    Out of maintenance XenwatchDown pages.
    """
    receiver = Receiver()
    keeper = Alertmanager(tmp_path, receiver.url)
    file = tmp_path / "maintenance.json"
    at_once = AT_ONCE.replace("keep_firing_for = 0", "keep_firing_for = 5")
    down = "[alerts.down]\nfor = 0\ncritical_for = 0\n"
    host = Host(tmp_path, "leak", f'{at_once}{down}[maintenance]\nfile = "{file}"\n')
    prometheus = Prometheus(tmp_path, host.config, host.target, alertmanager=keeper.url)
    with receiver.running(), keeper.running(), prometheus.running():
        with host.running():
            host.turn("storm")
            until(lambda: ("firing", CHANNELS, host.target) in pages(receiver), "a page")
            if by == MAINTENANCE:
                begin(file)
                until(lambda: muted(keeper, CHANNELS, host), "maintenance mutes it")
        until(lambda: muted(keeper, CHANNELS, host), "what is known of a dead host is muted")
        if by == MAINTENANCE:
            until(lambda: muted(keeper, "XenwatchDown", host), "and that it is down")
        else:
            until(lambda: ("firing", "XenwatchDown", host.target) in pages(receiver), "Down pages")
        until(lambda: critical(keeper, CHANNELS, host) is None, "the alert ends")
        fire_elsewhere(keeper, receiver)

    mine = {page for page in pages(receiver) if page[2] == host.target}
    expected = {("firing", CHANNELS, host.target)}
    assert mine == expected | (
        set() if by == MAINTENANCE else {("firing", "XenwatchDown", host.target)}
    )
