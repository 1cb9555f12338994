"""Many hosts, several sites: what each program of a larger setup makes of the generated rules."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fleets import (
    BY,
    JOB,
    Fleet,
    VictoriaMetrics,
    Watcher,
    federated,
    rules_of,
)
from tests.e2e.programs import Alertmanager, Receiver, free_port, get, until, until_same
from tests.tools import tool

pytestmark = pytest.mark.timeout(300)

FULL = "synthetic:leak-event-channels@3700"
"""A host without free event channels: an alert of both severities."""
BROKEN = "synthetic:debian-12"
"""A host with a VM without its disk, and one that does not die."""
CHANNELS = "XenwatchEventChannelsNearLimit"
ZOMBIE = "XenwatchZombieDomain"


def told(receiver: Receiver, name: str) -> list[tuple[str, str, int]]:
    """Receiver, status and number of alerts of each notification of that alert."""
    return [
        (document["receiver"], document["status"], len(document["alerts"]))
        for document in receiver.got
        if document["groupLabels"] == {"alertname": name}
    ]


def where(keeper: Alertmanager, name: str) -> set[tuple[str, str]]:
    """Site and instance of the alerts of that name that it has."""
    return {
        (alert["labels"].get("site", ""), alert["labels"]["instance"])
        for alert in keeper.alerts()
        if alert["labels"]["alertname"] == name
    }


def firing(watcher: Watcher, name: str, severity: str) -> int:
    """How many hosts have that alert."""
    query = f'ALERTS{{alertname="{name}",severity="{severity}",alertstate="firing"}}'
    return len(watcher.query(query))


def test_hosts_are_found_by_http_and_by_file(tmp_path: Path) -> None:
    """Prometheus finds every host of the fleet with its name, pool and site, and scrapes it."""
    fleet = Fleet(tmp_path, "--hosts=5", "--sites=a,b", "--pool-size=3", "--vms=1")
    by_file = {"job_name": "file", "file_sd_configs": [{"files": [str(fleet.file)]}]}
    watcher = Watcher(tmp_path / "one", [fleet.job(), by_file])
    tool("prometheus")
    with fleet.running(), watcher.running():
        until(lambda: len(watcher.query("up == 1")) == 20, "all are scraped")
        found = {
            tuple(result["metric"][name] for name in ("job", "site", "pool", "instance"))
            for result in watcher.query("xenwatch_domains")
        }
        with contextlib.suppress(OSError):
            get(f"{fleet.url}/c/host0001/metrics")
            pytest.fail("there is no site c")

    assert found == {
        (job, site, f"pool{1 + number // 3}", f"host{number + 1:04}")
        for job in (JOB, "file")
        for site in "ab"
        for number in range(5)
    }


def test_one_cause_on_many_hosts_is_one_page(tmp_path: Path) -> None:
    """Twenty hosts with the same critical alert are one page, and no mail of the warnings."""
    receiver = Receiver()
    keeper = Alertmanager(tmp_path / "keeper", receiver.url, wait=5)
    fleet = Fleet(tmp_path, "--hosts=20", f"--faulty={FULL}=20")
    watcher = Watcher(tmp_path / "one", [fleet.job()], rules_of(tmp_path), [keeper])
    with receiver.running(), fleet.running(), keeper.running(), watcher.running():
        until(lambda: bool(told(receiver, CHANNELS)), "a notification")
        until_same(
            lambda: {firing(watcher, CHANNELS, severity) for severity in ("warning", "critical")},
            {20},
            "every host has both",
        )
        until(lambda: len(where(keeper, CHANNELS)) == 20, "Alertmanager has them all")

    assert told(receiver, CHANNELS) == [("page", "firing", 20)]
    assert (
        max(Counter(json.dumps(document["groupLabels"]) for document in receiver.got).values()) < 3
    )


def test_two_tiers_and_two_alertmanagers(tmp_path: Path) -> None:
    """A Prometheus of Prometheuses judges hosts of one name at two sites; each alert is told once.

    Each site has a Prometheus with the site as external label, the upper one federates both; two
    Alertmanagers are a cluster.
    """
    receiver = Receiver()
    peers = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    keepers = [
        Alertmanager(
            tmp_path / f"keeper-{own}", receiver.url, wait=5, peers=(peers[own], peers[1 - own])
        )
        for own in range(2)
    ]
    fleet = Fleet(tmp_path, "--hosts=2", "--sites=a,b", f"--faulty={BROKEN}=2")
    sites = [Watcher(tmp_path / site, [fleet.job(site)], site=site) for site in "ab"]
    upper = Watcher(tmp_path / "upper", [federated(*sites)], rules_of(tmp_path), keepers)
    expected = {(site, f"host000{number}") for site in "ab" for number in (1, 2)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(receiver.running())
        for keeper in keepers:
            stack.enter_context(keeper.running())
        for watcher in (*sites, upper):
            stack.enter_context(watcher.running())
        with fleet.running():
            for keeper in keepers:
                until_same(lambda keeper=keeper: where(keeper, ZOMBIE), expected, "both have all")  # type: ignore[misc]
            until(lambda: bool(told(receiver, ZOMBIE)), "a notification")
            assert upper.failed() == {}
        until(lambda: len(told(receiver, ZOMBIE)) > 1, "it is over")

    assert told(receiver, ZOMBIE) == [("mail", "firing", 4), ("mail", "resolved", 4)]


def test_victoria_metrics_says_the_same(tmp_path: Path) -> None:
    """vmalert has the alerts of Prometheus, with the same labels, of scraped and written hosts.

    VictoriaMetrics scrapes the hosts of one site, a Prometheus writes those of the other.
    """
    receiver = Receiver()
    keeper = Alertmanager(tmp_path / "keeper", receiver.url)
    other = Alertmanager(tmp_path / "other", receiver.url)
    fleet = Fleet(
        tmp_path, "--hosts=2", "--sites=a,b", f"--faulty={BROKEN}=1", f"--faulty={FULL}=1"
    )
    job = fleet.job("b")
    job["relabel_configs"].pop()  # here no external label has the site
    text = rules_of(tmp_path, keep_firing_for=False)
    database = VictoriaMetrics(tmp_path / "victoria", job, text, keeper.url)
    write = [{"url": f"{database.url}/api/v1/write"}]
    writer = Watcher(tmp_path / "a", [fleet.job("a")], site="a", remote_write=write)
    judge = Watcher(tmp_path / "one", [fleet.job()], rules_of(tmp_path), [other])
    with contextlib.ExitStack() as stack:
        for one in (receiver, fleet, database, keeper, other, writer, judge):
            stack.enter_context(one.running())
        stack.enter_context(database.judging())
        until(lambda: len(where(other, ZOMBIE) | where(other, CHANNELS)) == 4, "Prometheus has all")
        until_same(lambda: labels(keeper), labels(other), "vmalert says the same")
        assert {dict(alert)["site"] for alert in labels(keeper)} == {"a", "b"}
        assert database.failed() == judge.failed() == {}


def labels(keeper: Alertmanager) -> set[frozenset[tuple[str, Any]]]:
    """The labels of the alerts that stand still; `BY` are among them."""
    return {
        frozenset(alert["labels"].items())
        for alert in keeper.alerts()
        if alert["labels"]["alertname"] in (ZOMBIE, CHANNELS) and {*BY} <= alert["labels"].keys()
    }
