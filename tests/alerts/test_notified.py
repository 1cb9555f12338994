"""One trouble is one notification in half an hour for each receiver, scene by scene."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.alerts.notified import BY_NAME, most, notifications
from tests.alerts.played import Told
from tests.alerts.scenes import MAIL, PAGE, POLICY, SCENES, fired, played, told
from tests.alerts.table import BEGIN, DOCUMENT, END, HEADER, row
from tests.rules.test_rules import promtool
from xenwatch.alerts.names import CRITICAL, WARNING
from xenwatch.generate.rules import rules

HERE = 'job="xenwatch",instance="a"'
OTHER = 'job="xenwatch",instance="b"'
"""Another host, without which there would be an alert that no host is there."""
STALE, MISSING = "stale", "_"
RULES = rules(POLICY)
METRICS = set(re.findall(r"\bxenwatch_\w+", RULES))


@pytest.mark.parametrize("name", SCENES)
def test_receivers_are_told_of_each_cause_once_in_half_an_hour(name: str) -> None:
    """Alertmanager tells what is expected, and within half an hour no receiver of a cause twice."""
    scene, found = SCENES[name], told(name)

    assert Counter(each.receiver for each in found) == Counter(who for who, _ in scene.expected)
    assert max(most(found, MAIL), most(found, PAGE)) <= scene.causes


@pytest.mark.parametrize("name", SCENES)
def test_the_daemon_tells_of_each_cause_once_in_half_an_hour(name: str) -> None:
    """Who is told by the daemon hears of a cause once, and once more when it becomes critical."""
    times = defaultdict[str, set[float]](set)
    for minute, event in played(name).events:
        if event["status"] == "firing":
            times[event["labels"]["severity"]].add(minute)

    for found in times.values():
        assert max(sum(a <= b < a + 30 for b in found) for a in found) <= SCENES[name].causes


@pytest.mark.parametrize("name", SCENES)
def test_the_document_has_the_scene(name: str) -> None:
    """The row of the scene in the document is what was measured."""
    assert row(name) in DOCUMENT.read_text(), "run python -m tests.alerts.table --write"


def test_the_document_has_no_other_scene() -> None:
    """The table has a row for each scene, and no more."""
    _, _, rest = DOCUMENT.read_text().partition(BEGIN + HEADER)
    rows = rest.partition(END)[0].splitlines()

    assert [line.split(" | ")[0] for line in rows] == [f"| {name}" for name in SCENES]


def values(name: str) -> dict[str, list[str]]:
    """The series of a scene as Prometheus scrapes them, with a value for each minute."""
    scene, pages = SCENES[name], played(name).pages
    found: dict[str, list[str]] = {}
    for minute, page in enumerate(pages):
        for family in page:
            if family.name in METRICS:
                for labels, value in family.samples:
                    pairs = zip(family.labels, labels, strict=True)
                    own = ",".join(f"{label}={json.dumps(text)}" for label, text in pairs)
                    series = f"{family.name}{{{','.join(filter(None, (own, HERE)))}}}"
                    times = found.setdefault(series, [MISSING] * minute)
                    times += [STALE] * (minute - len(times))
                    times.append(f"{float(value)!r}")
    for times in found.values():
        times.extend([STALE] * (scene.minutes - len(times)))
    gone = scene.minutes if scene.gone is None else int(scene.gone)
    found[f"up{{{HERE}}}"] = ["1"] * gone + ["0"] * (scene.minutes - gone)
    found[f"xenwatch_build_info{{{OTHER}}}"] = found[f"up{{{OTHER}}}"] = ["1"] * scene.minutes
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SCENES)
def test_prometheus_fires_the_same_every_minute(name: str, tmp_path: Path) -> None:
    """With the generated rules Prometheus has in each minute as many alerts of each severity."""
    tests = []
    for minute in range(SCENES[name].minutes):
        firing = Counter(
            (BY_NAME[one.alert].title, one.severity)
            for one in fired(name)
            if one.begin <= minute < (one.end or SCENES[name].minutes)
        )
        samples = [
            {"labels": f'{{alertname="{title}",severity="{severity}"}}', "value": number}
            for (title, severity), number in firing.items()
        ]
        expr = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'
        tests.append({"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples})
    series = [{"series": one, "values": " ".join(each)} for one, each in values(name).items()]
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "cases.json").write_text(json.dumps(document))

    tested = promtool("test", "rules", str(tmp_path / "cases.json"))

    assert tested.returncode == 0, (tested.stdout + tested.stderr)[:5000]


def test_a_flapping_alert_is_told_once_in_half_an_hour() -> None:
    """An alert that comes and goes every ten minutes is one notification in each half hour."""
    alerts = [
        Told("uplink_lost", CRITICAL, {"device": "eth0"}, at, at + 8) for at in range(0, 60, 10)
    ]

    assert most(notifications(alerts, 60), PAGE) == 1


def test_a_thousand_hosts_with_one_trouble_are_one_notification() -> None:
    """What many hosts tell at once is one group, and who joins it is told half an hour later."""
    alerts = [
        Told("uplink_lost", CRITICAL, {"device": "a", "instance": f"host{n}"}, n / 100, None)
        for n in range(1000)
    ]

    assert [each.minute for each in notifications(alerts, 45)] == [0.5, 30.5]


@pytest.mark.parametrize(
    ("alert", "labels"),
    [
        ("tasks_near_limit", {}),
        ("log_message", {"log": "kernel", "kind": "machine_check", "runbook": "x"}),
        ("storage_repository_unreadable", {"mountpoint": "/b", "storage": "b"}),
    ],
)
def test_a_new_cause_is_told_at_once(alert: str, labels: dict[str, str]) -> None:
    """Beside a trouble that is told, another limit, kind of message or storage does not wait."""
    before = {
        "tasks_near_limit": "ptys_near_limit",
    }.get(alert, alert)
    other = dict.fromkeys(labels, "other")
    alerts = [Told(before, WARNING, other, 0, None), Told(alert, WARNING, labels, 5, None)]

    assert [each.minute for each in notifications(alerts, 20)] == [0.5, 5.5]
