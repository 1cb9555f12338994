"""Daemon, Prometheus and Alertmanager together: the same alerts, told once, over restarts."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.programs import Alertmanager, Host, Prometheus, Receiver, until, until_same
from tests.tools import tool
from xenwatch.alerts.declared.absent import ALERT as ABSENT
from xenwatch.alerts.names import CRITICAL, SEVERITIES
from xenwatch.alerts.table import ALERTS
from xenwatch.limits import LIMITS

pytestmark = pytest.mark.timeout(240)

UNSET = {
    alert.name: f"critical = {alert.thresholds.warning * (0.5 if alert.lower_is_worse else 2)}\n"
    for alert in ALERTS
    if alert.thresholds and alert.thresholds.warning and alert.thresholds.critical is None
} | {
    alert.name: f"warning = {alert.thresholds.critical}\n"
    for alert in ALERTS
    if alert.thresholds and alert.thresholds.critical and alert.thresholds.warning is None
}
"""A threshold of the other severity for alerts that have one of one severity by default."""
CRITICAL_FOR = {
    alert.name: "critical_for = 0\n" for alert in ALERTS if alert.critical_seconds is not None
}
AT_ONCE = (
    "keep_firing_for = 0\n"
    + "".join(
        f"[alerts.{section}]\nfor = 0\n{UNSET.get(section, '')}{CRITICAL_FOR.get(section, '')}"
        for section in dict.fromkeys(alert.section or alert.name for alert in ALERTS)
    )
    + "".join(f"[limits.{limit.name}]\nwarning = 0.8\ncritical = 0.9\n" for limit in LIMITS)
)
EXPECTED = {
    (alert.title, severity)
    for alert in ALERTS
    for severity in alert.conditions
    if alert.name != "record_failing"  # this daemon keeps no record
}
SYMPTOMS = {symptom for alert in ALERTS for symptom in alert.explains}
EXPLAINED = {
    alert.title
    for alert in ALERTS
    if (alert.causes or alert.name in SYMPTOMS) and CRITICAL not in alert.conditions
}
"""Those that only another alert inhibits; the causes of all of them fire too."""
FIRING = 'ALERTS{alertstate="firing"}'
SAID = 'xenwatch_alert_state{state="firing"}'
CHANNELS = "XenwatchEventChannelsNearLimit"


def names(found: list[dict[str, Any]], label: str) -> set[tuple[str, str]]:
    """Name and severity of the alerts a query found."""
    return {(result["metric"][label], result["metric"]["severity"]) for result in found}


def spans(found: list[dict[str, Any]], label: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Of each alert the first and last time it fired, by a query of a range."""
    times: dict[tuple[str, str], list[float]] = {}
    for result in found:
        key = (result["metric"][label], result["metric"]["severity"])
        times.setdefault(key, []).extend(float(time) for time, _ in result["values"])
    return {key: (min(values), max(values)) for key, values in times.items()}


def series(alert: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """The labels of an alert as Alertmanager has it."""
    return frozenset(alert["labels"].items())


def inhibited(keeper: Alertmanager) -> set[str]:
    """The alerts without a critical one of their own that Alertmanager does not notify."""
    plain = {alert.title for alert in ALERTS if CRITICAL not in alert.conditions}
    found = {
        alert["labels"]["alertname"] for alert in keeper.alerts() if alert["status"]["inhibitedBy"]
    }
    return found & plain


def answer(prometheus: Prometheus) -> str:
    """What the first command says where no host is there: the targets that Prometheus knows."""
    first = ABSENT.first.replace("http://127.0.0.1:9090", prometheus.url).split()
    argv = [tool("promtool"), *first[1:]]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_prometheus_and_daemon_say_the_same(tmp_path: Path) -> None:
    """Every alert of the table fires and ends in both on the same scrape and the same series.

    The labels of the site are external ones of Prometheus, and of the daemon's own alerts.
    """
    receiver = Receiver()
    keeper = Alertmanager(tmp_path, receiver.url)
    site = {"pool": "p1", "site": "b"}
    labels = "".join(f'{name} = "{value}"\n' for name, value in site.items())
    settings = f'{AT_ONCE}[alertmanager]\nurls = ["{keeper.url}"]\n[labels]\n{labels}'
    host = Host(tmp_path, "table", settings)
    prometheus = Prometheus(
        tmp_path, host.config, host.target, alertmanager=keeper.url, labels=site
    )
    with (
        receiver.running(), keeper.running(), host.running(), prometheus.running(),
    ):  # fmt: skip
        until(lambda: bool(prometheus.query("xenwatch_alert_state")), "a scrape")
        assert prometheus.query(SAID) == []
        host.turn("storm")
        until_same(lambda: names(prometheus.query(SAID), "alert"), EXPECTED, "all fire")
        until_same(lambda: names(prometheus.query(FIRING), "alertname"), EXPECTED, "there too")
        until(lambda: bool(keeper.alerts()), "Alertmanager hears of it")
        fires = {
            frozenset(
                (name, value)
                for name, value in (*labels, *site.items())
                if name not in ("__name__", "alertstate")
            )
            for labels in prometheus.labels(FIRING)
        }
        until(
            lambda: any("generatorURL" in alert for alert in keeper.alerts()),
            "Prometheus tells too",
        )
        # Told by both, Alertmanager has each once: the labels are the same to the last.
        until_same(lambda: {series(alert) for alert in keeper.alerts()}, fires, "the same series")
        assert len(keeper.alerts()) == len(fires)
        until_same(lambda: inhibited(keeper), EXPLAINED, "symptoms by their causes")
        assert {alert["annotations"]["runbook_url"] for alert in keeper.alerts()} == {
            f"{host.url}/runbooks/{alert['labels']['alertname']}.md" for alert in keeper.alerts()
        }
        assert f'instance="{host.target}"' in answer(prometheus)
        host.turn("calm")
        until(lambda: not prometheus.query(f"{FIRING} or {SAID}"), "all end")
        until(lambda: not keeper.alerts(), "Alertmanager hears that too")
        ours = spans(prometheus.query(f"{SAID}[10m]"), "alert")
        theirs = spans(prometheus.query(f"{FIRING}[10m]"), "alertname")

    assert ours.keys() == theirs.keys()
    # Rules are evaluated once a second, between two scrapes: less than two seconds are one scrape.
    late = {key: [b - a for a, b in zip(ours[key], theirs[key], strict=True)] for key in ours}
    assert {key: times for key, times in late.items() if not all(-0.1 < t < 2 for t in times)} == {}


def test_a_leak_is_told_once_whatever_is_restarted(tmp_path: Path) -> None:
    """A leak is notified once, its warning is inhibited, restarts repeat and lose nothing.

    Only a fresh Alertmanager may tell of the inhibited warning: it notifies of old alerts before
    its inhibitor has seen them all (https://github.com/prometheus/alertmanager/issues/4064).
    """
    receiver = Receiver()
    keeper = Alertmanager(tmp_path, receiver.url)
    host = Host(
        tmp_path,
        "leak",
        f'state_file = "{tmp_path}/alerts.json"\n{AT_ONCE}[alertmanager]\nurls = ["{keeper.url}"]\n'
        f'[webhook]\nurl = "{receiver.url}"\n',
    )

    def standing() -> dict[str, dict[str, Any]]:
        return {
            alert["labels"]["severity"]: alert
            for alert in keeper.alerts()
            if alert["labels"]["alertname"] == CHANNELS
        }

    with contextlib.ExitStack() as until_the_end:
        until_the_end.enter_context(receiver.running())
        with keeper.running():
            with host.running():
                host.turn("storm")
                until(lambda: set(standing()) == set(SEVERITIES), "both severities")
                until(lambda: ("firing", CHANNELS, "critical") in by_keeper(receiver), "told")
                before = standing()
            with host.running():
                until(
                    lambda: (
                        standing().get("critical", before["critical"])["endsAt"]
                        > before["critical"]["endsAt"]
                    ),
                    "again",
                )
                until(lambda: bool(standing()["warning"]["status"]["inhibitedBy"]), "inhibited")
                during = standing()
                assert by_keeper(receiver) == [("firing", CHANNELS, "critical")]
        with host.running(), keeper.running():
            until(lambda: set(standing()) == set(SEVERITIES), "the new Alertmanager knows")
            after = standing()
            host.turn("calm")
            until(lambda: ("resolved", CHANNELS, "critical") in by_keeper(receiver), "over")
            until(lambda: ("resolved", CHANNELS, "critical") in by_webhook(receiver), "by itself")

    for severity in SEVERITIES:
        assert before[severity]["startsAt"] == during[severity]["startsAt"]
        assert before[severity]["startsAt"] == after[severity]["startsAt"]
    told = by_keeper(receiver)
    assert [event for event in told if event[2] == "critical"] == [
        ("firing", CHANNELS, "critical"),
        ("resolved", CHANNELS, "critical"),
    ]
    assert max(map(told.count, told)) == 1
    assert by_webhook(receiver) == [
        (status, CHANNELS, "critical") for status in ("firing", "resolved")
    ]


def by_keeper(receiver: Receiver) -> list[tuple[str, str, str]]:
    """What Alertmanager has told."""
    return heard(receiver, "receiver")


def by_webhook(receiver: Receiver) -> list[tuple[str, str, str]]:
    """What the daemon itself has told."""
    return heard(receiver, "version", "1")


def heard(receiver: Receiver, key: str, value: str | None = None) -> list[tuple[str, str, str]]:
    """The alerts of the documents that have this key."""
    some = Receiver.__new__(Receiver)
    some.got = [
        document for document in receiver.got if key in document and value in (None, document[key])
    ]
    return some.heard()
