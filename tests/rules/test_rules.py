"""The rules for Prometheus and the configuration for Alertmanager, by their own tools."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.rules.cases import CASES, TARGET, Case, Series, labelled
from tests.rules.control_path_cases import CONTROL_PATH, VM_STARTS
from tests.rules.cpu_cases import CPU
from tests.rules.dom0_cases import DOM0
from tests.rules.limit_cases import OF_LIMITS
from tests.rules.network_cases import NETWORK
from tests.rules.storage_cases import STORAGE
from tests.rules.upkeep_cases import UPKEEP
from tests.tools import tool
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.details import Vms
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.alerts.wording import texts
from xenwatch.config.settings import Settings
from xenwatch.config.settings import load_settings as load
from xenwatch.exposition.text_format import Family
from xenwatch.generate.rules import ALERTMANAGER, RULES, duration, inhibitions, rules
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import SourceError, XenstoreReply

ROOT = Path(__file__).resolve().parents[2]
POLICY = Settings().alerts()
EVERY: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
EVERY_CASE = (
    *(*CASES, *OF_LIMITS, *CPU, *CONTROL_PATH, *VM_STARTS, *DOM0, *NETWORK, *STORAGE, *UPKEEP),
)
BY_TITLE = {rule.title: rule for rule in EVERY}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """promtool with these arguments."""
    program = tool("promtool")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def runbook(case: Case) -> dict[str, str]:
    """The link to the runbook: the host of the alert has it, or any that is up, or the package."""
    up = [
        series for series in case.series if series.metric == "up" and series.values.startswith("1")
    ]
    if isinstance(BY_TITLE[case.alert], Watch) and not up:
        return {"runbook_url": f"xenwatch/runbooks/{case.alert}.md"}
    host = dict(up[0].labels).get("instance", TARGET["instance"]) if up else TARGET["instance"]
    return {"runbook_url": f"http://{host}/runbooks/{case.alert}.md"}


def families(series: Sequence[Series]) -> dict[str, Family]:
    """What a page has of series: their first values, where that is a number."""
    found: dict[str, Family] = {}
    for one in series:
        number = re.match(r"\d+(?![\d.x_])", one.values)
        if number is None:
            continue
        labels = {name: "" for each in series if each.metric == one.metric
                  for name, _ in each.labels}  # fmt: skip
        family = found.setdefault(one.metric, Family(one.metric, "gauge", "", tuple(labels), []))
        values = tuple({**labels, **dict(one.labels)}.values()), float(number[0])
        found[one.metric] = dataclasses.replace(family, samples=[*family.samples, values])
    return found


def expected(case: Case) -> list[dict[str, Any]]:
    """The alerts of a case as promtool expects them, in the daemon's own words."""
    alert = BY_TITLE[case.alert]
    host = f"{TARGET['instance']}: " if isinstance(alert, Alert) else ""
    target = {name: TARGET[name] for name in (("job", "instance") if host else alert.labels)
              if name in TARGET}  # fmt: skip
    found = []
    for severity, own, value in case.fires:
        fixed = alert.fixed if isinstance(alert, Alert) else {}
        labels = {**target, **own, **fixed, "severity": severity}
        page = Vms(families(case.series))
        details = (each.sentence(page, labels) for each in alert.details)
        words = texts(alert, value, labels, " ".join(filter(None, details)))
        annotations = {
            "summary": host + words.summary,
            "description": words.description,
            **runbook(case),
        }
        # A label without a value is none, for Prometheus and for Alertmanager.
        labels = {name: text for name, text in labels.items() if text}
        found.append({"exp_labels": labels, "exp_annotations": annotations})
    return found


def test_promtool_accepts_the_rules() -> None:
    """The committed rules are rules, as Prometheus reads them."""
    checked = promtool("check", "rules", str(ROOT / RULES))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout


def test_rules_over_hours_are_evaluated_every_five_minutes() -> None:
    """A rule that reads an hour or more of its series is not evaluated with each scrape."""
    for group in rules(POLICY).split("- name: ")[1:]:
        slow = 'interval: "5m"' in group
        for text in group.split("- alert: ")[1:]:
            assert slow == bool(re.search(r"\[\d+[hd]\]|offset \d+[hd]", text)), text


def tried(
    directory: Path, cases: Iterable[Case], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """What promtool says of cases, by these rules or else by the committed ones."""
    file = ROOT / RULES
    if text:
        file = directory / "rules.yml"
        file.write_text(text)
    tests = [
        {
            "interval": "1m",
            "input_series": [
                {"series": series.name(), "values": series.values} for series in case.series
            ],
            "alert_rule_test": [
                {
                    "eval_time": f"{case.minute}m",
                    "alertname": case.alert,
                    "exp_alerts": expected(case),
                }
            ],
        }
        for case in cases
    ]
    written = directory / "cases.json"  # JSON is YAML
    document = {"rule_files": [str(file)], "evaluation_interval": "1m", "tests": tests}
    written.write_text(json.dumps(document))
    return promtool("test", "rules", str(written))


@pytest.mark.parametrize("title", BY_TITLE)
def test_every_case_is_as_prometheus_sees_it(tmp_path: Path, title: str) -> None:
    """In each case what should fire does, with the daemon's own words, and nothing else."""
    alert = BY_TITLE[title]
    # Its own rules among the committed ones: all of them in each case would take minutes.
    own = rules(POLICY, [alert], []) if isinstance(alert, Alert) else rules(POLICY, [], [alert])
    tested = tried(tmp_path, [case for case in EVERY_CASE if case.alert == title], own)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("title", BY_TITLE)
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(title: str) -> None:
    """No alert is without a test in which it fires, for each severity, and a silent one."""
    alert = BY_TITLE[title]
    severities = set(alert.conditions) if isinstance(alert, Alert) else set(alert.severities)
    cases = [case for case in EVERY_CASE if case.alert == title]

    assert {severity for case in cases for severity, _, _ in case.fires} == severities
    assert any(not case.fires for case in cases)


def test_every_rule_says_what_it_should() -> None:
    """Each alerting rule has a severity, a summary, a description and the link to its runbook."""
    found = re.split(r"(?m)^ +- alert: ", (ROOT / RULES).read_text())[1:]

    assert {text.partition("\n")[0].strip('"') for text in found} == set(BY_TITLE)
    for text in found:
        for key in ("expr", "for", "severity", "summary", "description", "runbook_url"):
            assert re.search(rf"(?m)^ +{key}: ", text), key


def test_an_alert_outlives_its_host_until_that_is_told_as_down(tmp_path: Path) -> None:
    """A host that dies is unreachable at once, down in five minutes, and its alerts last longer.

    Nobody is told that they are over while it is down: an unreachable host inhibits that.
    """
    died, used = 10, "xenwatch_aio_requests_used"
    series = [
        labelled("up", f"_x{died} 0+0x20"),
        labelled(used, f"9+0x{died - 1} stale"),
        labelled("xenwatch_aio_requests_max", f"10+0x{died - 1} stale"),
        labelled(
            "xenwatch_limit_threshold_ratio",
            f"0.8+0x{died - 1} stale",
            limit="aio_requests",
            severity="warning",
        ),
    ]
    fires = {
        "XenwatchUnreachable": ("info", 0, range(died, 30)),
        "XenwatchDown": ("warning", 0, range(died + 5, died + 15)),
        "XenwatchAioRequestsNearLimit": ("warning", 0.9, range(1, died + 7)),
    }
    checks = [
        Case(title, "", minute, tuple(series), ((severity, {}, value),) if minute in when else ())
        for title, (severity, value, when) in fires.items()
        for minute in range(died - 1, died + 9)
    ]

    tested = tried(tmp_path, checks)

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert {
        "source_matchers": ['alertname="XenwatchUnreachable"'],
        "target_matchers": [
            'alertname=~"Xenwatch.*"', 'alertname!~"XenwatchUnreachable|XenwatchDown"'
        ],
        "equal": ["job", "instance"],
    } in inhibitions()  # fmt: skip


def test_a_site_may_have_other_durations(tmp_path: Path) -> None:
    """Durations of the configuration are those of the rules made with it."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[alerts]\nkeep_firing_for = 0\n[alerts.near_limit]\nfor = 90\n")
    text = rules(load(str(file), {}).alerts())

    assert text.count('for: "90s"') == 2 * sum(a.section == "near_limit" for a in ALERTS)
    assert 'keep_firing_for: "7m"' not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (1, "1s"),
        (90, "90s"),
        (300, "5m"),
        (7200, "2h"),
        (1.25, "1250ms"),
    ],
)
def test_durations_are_whole_numbers_of_a_unit(seconds: float, text: str) -> None:
    """Durations are written in the largest unit that needs no fraction."""
    assert duration(seconds) == text


def test_a_host_that_is_down_is_told_as_such_and_not_as_absent() -> None:
    """However late XenwatchDown fires, one host that reboots does not page as all being gone."""
    [rule] = [
        rule for rule in inhibitions() if 'alertname="XenwatchAbsent"' in rule["target_matchers"]
    ]

    assert rule["source_matchers"] == ['alertname="XenwatchUnreachable"']
    assert rule["equal"] == ["job"]


def test_amtool_accepts_the_example() -> None:
    """The committed configuration is one, as Alertmanager reads it."""
    program = tool("amtool")
    checked = subprocess.run(
        [program, "check-config", str(ROOT / ALERTMANAGER)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(inhibitions())} inhibit rules" in checked.stdout


@pytest.mark.parametrize(
    ("name", "severity", "receiver"),
    [
        ("XenwatchMaintenance", "info", "nobody"),
        ("XenwatchStale", "critical", "page"),
        ("XenwatchDown", "warning", "mail"),
        ("AnotherAlert", "info", "mail"),
        ("AnotherAlert", "critical", "mail"),
    ],
)
def test_the_example_routes_the_alerts_of_the_rules(
    name: str, severity: str, receiver: str
) -> None:
    """What the rules call info notifies nobody; alerts of others go the usual way."""
    argv = [tool("amtool"), "config", "routes", "test", f"--config.file={ROOT / ALERTMANAGER}"]
    labels = [f"alertname={name}", f"severity={severity}"]
    routed = subprocess.run([*argv, *labels], capture_output=True, text=True, check=False)

    assert routed.stdout.strip() == receiver, routed.stderr


@pytest.mark.parametrize("name", ["prometheus", "textfile"])
def test_promtool_accepts_the_example_configuration(name: str) -> None:
    """The examples for Prometheus are such, and find the rules beside them."""
    checked = promtool("check", "config", str(ROOT / f"contrib/prometheus/{name}.yml"))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 rule files found" in checked.stdout


class Silent(ModelSource):
    """A synthetic host on which xenstored takes no connection."""

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        raise SourceError("/run/xenstored/socket", os.strerror(errno.EMFILE), errno.EMFILE)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        raise SourceError("/run/xenstored/socket", os.strerror(errno.EMFILE), errno.EMFILE)


def test_xenstored_explains_probes_that_ask_it_and_no_others() -> None:
    """Where xenstored has no descriptors left, just those probes fail whose alerts it inhibits."""
    failed = {
        name
        for name, outcome in take(Silent(PRESETS["debian-12"]()), PROBES).snapshot.outcomes.items()
        if outcome.status is Status.FAILED
    }
    [rule] = [
        inhibition
        for inhibition in inhibitions()
        if inhibition["source_matchers"][0] == 'alertname="XenwatchXenstoredFdsNearLimit"'
    ]

    assert failed == {"xenstore", "xenstore_devices", "xenstore_quotas"}
    assert rule["target_matchers"] == [
        'alertname="XenwatchProbeFailing"', 'probe=~"xenstore|xenstore_devices|xenstore_quotas"'
    ]  # fmt: skip


def test_inhibitions_name_alerts_that_exist() -> None:
    """Every cause and every symptom of the inhibitions is an alert of the table."""
    text = json.dumps(inhibitions())

    assert set(re.findall(r'alertname=\\"(\w+)\\"', text)) <= set(BY_TITLE)
