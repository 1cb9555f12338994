"""Many hosts, several sites: what each program of a larger setup makes of the generated rules."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fleets import JOB, PROMPT, Fleet, Page, VictoriaMetrics, federated, rules_of
from tests.e2e.programs import (
    ROOT,
    Alertmanager,
    Receiver,
    Server,
    failed,
    free_port,
    get,
    until,
    until_same,
)
from tests.tools import tool
from xenwatch.alerts.names import SEVERITIES
from xenwatch.config.settings import Settings
from xenwatch.generate.grouping import Grouping
from xenwatch.generate.rules import rules

pytestmark = pytest.mark.timeout(300)

FULL = "synthetic:leak-event-channels@3700"
"""A host without free event channels: an alert of both severities."""
BROKEN = "synthetic:debian-12"
"""A host with a VM without its disk, and one that does not die."""
CHANNELS = "XenwatchEventChannelsNearLimit"
ZOMBIE = "XenwatchZombieDomain"
NOBODY = "http://127.0.0.1:9"
"""Where no Alertmanager listens."""


def told(receiver: Receiver, name: str) -> list[tuple[str, str, int]]:
    """Receiver, status and number of alerts of each notification of that alert."""
    return [
        (document["receiver"], document["status"], len(document["alerts"]))
        for document in receiver.got
        if {alert["labels"]["alertname"] for alert in document["alerts"]} == {name}
    ]


def where(keeper: Alertmanager, name: str, **labels: str) -> set[tuple[str, str]]:
    """Site and instance of the alerts of that name, and with those labels, that it has."""
    wanted = {"alertname": name, **labels}.items()
    return {
        (alert["labels"].get("site", ""), alert["labels"]["instance"])
        for alert in keeper.alerts()
        if wanted <= alert["labels"].items()
    }


def test_hosts_are_found_by_http_and_by_file(tmp_path: Path) -> None:
    """Prometheus finds every host of the fleet with its name, pool and site, and scrapes it."""
    fleet = Fleet(tmp_path, "--hosts=5", "--sites=a,b", "--pool-size=3", "--vms=1")
    by_file = {"job_name": "file", "file_sd_configs": [{"files": [str(fleet.file)]}]}
    server = Server(tmp_path / "one", [fleet.job(), by_file])
    tool("prometheus")
    with fleet.running(), server.running():
        until(lambda: len(server.query("up == 1")) == 20, "all are scraped")
        found = {
            tuple(result["metric"][name] for name in ("job", "site", "pool", "instance"))
            for result in server.query("xenwatch_domains")
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


@pytest.mark.parametrize(
    ("program", "option", "reason"),
    [
        ("fleet", "--hosts=-3", "-3 must be between 1 and 100000"),
        ("fleet", "--hosts=100001", "100001 must be between 1 and 100000"),
        ("fleet", "--pool-size=0", "0 must be between 1 and 100000"),
        ("fleet", "--vms=x", "'x' must be a whole number"),
        ("fleet", f"--vms={'9' * 5000}", "must have at most 18 digits"),
        ("fleet", "--sites=", "must be letters, digits, - and _"),
        ("fleet", "--sites=a/b", "must be letters, digits, - and _"),
        ("fleet", "--faulty=a=-1", "-1 must be between 0 and 100000"),
        ("fleet", "--faulty=a=\u0663", "must be a whole number"),
        ("fleet", "--faulty=a", "must be SOURCE=N"),
        ("fleet", "--listen=127.0.0.1:99999", "'127.0.0.1:99999' must"),
        ("demo", "--daemon-port=0", "0 must be between 1 and 65535"),
        ("demo", "--prometheus-port=-1", "-1 must be between 1 and 65535"),
        ("demo", "--alertmanager-port=65536", "65536 must be between 1 and 65535"),
        ("demo", "--daemon-port=x", "'x' must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(program: str, option: str, reason: str) -> None:
    """Numbers, names and addresses out of bounds are refused with the option that has them."""
    argv = [sys.executable, f"contrib/{program}.py", option]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert f"error: argument {option.partition('=')[0]}: " in done.stderr
    assert reason in done.stderr


def test_one_cause_on_many_hosts_is_one_page(tmp_path: Path) -> None:
    """Twenty hosts with the same critical alert are one page, and no mail of the warnings."""
    receiver = Receiver()
    # After a reload Prometheus may lose what is critical and send the warnings: it sends the rest
    # five seconds later.
    keeper = Alertmanager(tmp_path / "keeper", receiver.url, wait="10s")
    fleet = Fleet(tmp_path, "--hosts=20", f"--faulty={FULL}=20")
    server = Server(tmp_path / "one", [fleet.job()], keepers=[keeper.url], sent=CHANNELS)
    with receiver.running(), fleet.running(), keeper.running(), server.running() as process:
        until(
            lambda: len(server.query("xenwatch_snapshot_timestamp_seconds")) == 20,
            "all are scraped",
        )
        server.judge(process, rules_of(tmp_path))
        until(lambda: bool(told(receiver, CHANNELS)), "a notification")
        until_same(
            lambda: {(s, len(where(keeper, CHANNELS, severity=s))) for s in SEVERITIES},
            {(severity, 20) for severity in SEVERITIES},
            "Alertmanager has both of every host",
        )

    assert told(receiver, CHANNELS) == [("page", "firing", 20)]


def test_two_tiers_and_two_alertmanagers(tmp_path: Path) -> None:
    """A Prometheus of Prometheuses judges hosts of one name at two sites; each alert is told once.

    Each site has a Prometheus with the site as external label, the upper one federates both; two
    Alertmanagers are a cluster.
    """
    receiver = Receiver()
    one, other = (f"127.0.0.1:{free_port()}" for _ in range(2))
    keepers = [
        Alertmanager(tmp_path / "one", receiver.url, peers=(one, other)),
        Alertmanager(tmp_path / "other", receiver.url, peers=(other, one)),
    ]
    fleet = Fleet(tmp_path, "--hosts=2", "--sites=a,b", f"--faulty={BROKEN}=2")
    sites = [Server(tmp_path / site, [fleet.job(site)], labels={"site": site}) for site in "ab"]
    urls = [keeper.url for keeper in keepers]
    upper = Server(tmp_path / "upper", [federated(*sites)], keepers=urls, sent=ZOMBIE)
    expected = {(site, f"host000{number}") for site in "ab" for number in (1, 2)}
    with contextlib.ExitStack() as stack:
        for program in (receiver, fleet, keepers[0], keepers[1], sites[0], sites[1]):
            stack.enter_context(program.running())
        process = stack.enter_context(upper.running())
        until(
            lambda: len(upper.query("xenwatch_snapshot_timestamp_seconds")) == 4,
            "all are federated",
        )
        upper.judge(process, rules_of(tmp_path))
        for keeper in keepers:
            until_same(lambda keeper=keeper: where(keeper, ZOMBIE), expected, "both have all")  # type: ignore[misc]
        # Its second look-up comes after whatever followed from the first.
        until(lambda: all(keeper.looked_up() > 1 for keeper in keepers), "both have had their turn")
        assert failed(upper.url) == {}

    assert told(receiver, ZOMBIE) == [("mail", "firing", 4)]


def test_a_renamed_vm_fails_no_rule_of_an_upper_prometheus(tmp_path: Path) -> None:
    """A VM that has migrated is renamed: at once it has its new name alone, and rules go on."""
    host = Page(of_vm("web--incoming"))
    lower = Server(tmp_path / "a", [host.job()])
    upper = Server(tmp_path / "upper", [{**federated(lower), **PROMPT}], rules_of(tmp_path))

    def vms() -> set[str]:
        return {found["metric"]["name"] for found in upper.query("xenwatch_domain_info")}

    with host.running(), lower.running(), upper.running():
        until_same(vms, {"web--incoming"}, "the VM is federated")
        host.text = of_vm("web")
        until_same(vms, {"web"}, "only its new name is left")
        until(lambda: bool(upper.query('ALERTS{name="web"}')), "rules are evaluated with it")
        assert failed(upper.url) == {}


def of_vm(name: str) -> str:
    """A page of a host with a VM whose network has failed."""
    backend = 'class="vif",errno="ENOSPC",backend_domid="0"'
    return (
        f'xenwatch_domain_info{{domid="5",name="{name}",uuid="0-1"}} 1\n'
        'xenwatch_domain_state{domid="5",state="running"} 1\n'
        f'xenwatch_domain_backend_errors{{domid="5",{backend}}} 1\n'
    )


def test_victoria_metrics_says_the_same(tmp_path: Path) -> None:
    """vmalert has the alerts of Prometheus, with the same labels, of scraped and written hosts.

    VictoriaMetrics scrapes the hosts of one site, a Prometheus writes those of the other.
    """
    receiver = Receiver()
    keeper, other = (Alertmanager(tmp_path / name, receiver.url) for name in ("keeper", "other"))
    fleet = Fleet(
        tmp_path, "--hosts=2", "--sites=a,b", f"--faulty={BROKEN}=1", f"--faulty={FULL}=1"
    )
    job = fleet.job("b")
    job["relabel_configs"].pop()  # here no external label has the site
    text = rules_of(tmp_path, keep_firing_for=False)
    database = VictoriaMetrics(tmp_path / "victoria", job, text, keeper=keeper.url)
    write = [{"url": f"{database.url}/api/v1/write"}]
    writer = Server(tmp_path / "a", [fleet.job("a")], labels={"site": "a"}, remote_write=write)
    judge = Server(tmp_path / "judge", [fleet.job()], rules_of(tmp_path), keepers=[other.url])
    expected = {(site, f"host000{number}") for site in "ab" for number in (1, 2)}
    with contextlib.ExitStack() as stack:
        for program in (receiver, fleet, database, keeper, other, writer, judge):
            stack.enter_context(program.running())
        stack.enter_context(database.judging())
        until_same(
            lambda: where(other, ZOMBIE) | where(other, CHANNELS), expected, "Prometheus has all"
        )
        until_same(lambda: differing(keeper, other), set(), "vmalert says the same")
        assert failed(database.alerts) == failed(judge.url) == {}


def test_a_pending_alert_goes_on_when_vmalert_is_restarted(tmp_path: Path) -> None:
    """vmalert reads from the database since when an alert has been pending, and does not forget."""
    text = rules(Settings().alerts(), grouping=Grouping(keep_firing_for=False))
    job = {"job_name": "xenwatch", "static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}
    database = VictoriaMetrics(tmp_path / "victoria", {**job, **PROMPT}, text, keeper=NOBODY)
    saved = urllib.parse.urlencode({"query": 'ALERTS_FOR_STATE{alertname="XenwatchDown"}'})

    def down() -> set[str]:
        return database.pending("XenwatchDown")

    with database.running():
        with database.judging():
            until(lambda: bool(down()), "the host is down")
            before = down()
            until(
                lambda: bool(get(f"{database.url}/api/v1/query?{saved}")["data"]["result"]),
                "that is in the database",
            )
        with database.judging():
            until(lambda: bool(down()), "the host is still down")
            after = down()

    assert len(before) == 1
    assert {text[:19] for text in after} == {text[:19] for text in before}


def differing(one: Alertmanager, other: Alertmanager) -> set[frozenset[tuple[str, Any]]]:
    """The labels of the alerts that only one of them has."""
    found = (
        {
            frozenset(alert["labels"].items())
            for alert in keeper.alerts()
            if alert["labels"]["alertname"] in (ZOMBIE, CHANNELS)
        }
        for keeper in (one, other)
    )
    return next(found) ^ next(found)
