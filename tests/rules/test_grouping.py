"""Rules for several pools and sites: what one set of hosts must not do to another."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.generate.test_generated import generate
from tests.rules.test_rules import BY_TITLE, POLICY, promtool
from tests.tools import tool
from xenwatch.alerts.base import Alert
from xenwatch.alerts.details import Vms
from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.table import WATCHES
from xenwatch.alerts.wording import texts
from xenwatch.generate.grouping import Grouping, labels
from xenwatch.generate.rules import ALERTMANAGER, RULES, inhibitions, rules

AIO = "XenwatchAioRequestsNearLimit"
BY = ("pool", "site")
SITES = Grouping("dom0", BY)
HOSTS = tuple(
    {"instance": "host1", "pool": pool, "site": site} for pool, site in ("pa", "pb", "qa")
)
"""Hosts of the same name in two pools of one site, and in a pool of the same name at another."""


def series(metric: str, host: Mapping[str, str], values: str, **more: str) -> dict[str, str]:
    """A series of a host, one value a minute."""
    pairs = {"job": "dom0", **host, **more}
    text = ",".join(f'{name}="{value}"' for name, value in pairs.items())
    return {"series": f"{metric}{{{text}}}", "values": values}


def outcome(
    directory: Path,
    grouping: Grouping,
    every: Sequence[dict[str, str]],
    minute: int,
    **expected: list[dict[str, Any]],
) -> subprocess.CompletedProcess[str]:
    """What promtool says of the alerts expected by name, with rules made for that grouping."""
    (directory / "rules.yml").write_text(rules(POLICY, grouping=grouping))
    alerts = [
        {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": found}
        for name, found in expected.items()
    ]
    test = {"interval": "1m", "input_series": list(every), "alert_rule_test": alerts}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (directory / "cases.json").write_text(json.dumps(document))
    return promtool("test", "rules", str(directory / "cases.json"))


def alert(
    title: str,
    severity: str,
    value: float,
    by: Sequence[str] = BY,
    mark: str = "",
    **labels: str,
) -> dict[str, Any]:
    """An alert as promtool expects it, in the words of the table after those of pool and site."""
    rule = BY_TITLE[title]
    host = f"{labels['instance']}: " if "instance" in labels and isinstance(rule, Alert) else ""
    host = f"{mark}{', ' if host else ': '}{host}" if mark else host
    where = "".join(f"{labels[name]} " for name in by)
    fixed = rule.fixed if isinstance(rule, Alert) else {}
    details = (each.sentence(Vms({}), {**labels, **fixed}) for each in rule.details)
    words = texts(rule, value, labels, " ".join(filter(None, details)))
    return {
        "exp_labels": {"job": "dom0", "severity": severity, **fixed, **labels},
        "exp_annotations": {
            "summary": f"{where}{host}{words.summary}",
            "description": words.description,
            "runbook_url": f"http://host1/runbooks/{title}.md",
        },
    }


def test_a_full_pool_is_not_hidden_by_another(tmp_path: Path) -> None:
    """The pool without headroom is told, by name, while other pools have room.

    With the shipped rules, which know one pool, none is told.
    """
    every = [
        series(
            "xenwatch_vm_headroom", host, "0+0x20" if host is HOSTS[1] else "9+0x20", shape="linux"
        )
        for host in HOSTS
    ] + [series("up", HOSTS[1], "1+0x20")]
    told = alert("XenwatchPoolFull", "warning", 0, pool="p", site="b", shape="linux")
    grouped = outcome(tmp_path, SITES, every, 15, XenwatchPoolFull=[told])
    shipped = outcome(tmp_path, Grouping("dom0"), every, 15, XenwatchPoolFull=[])

    assert grouped.returncode == 0, grouped.stdout + grouped.stderr
    assert shipped.returncode == 0, shipped.stdout + shipped.stderr


def full_aio(host: Mapping[str, str]) -> list[dict[str, str]]:
    """The series of a host that has used 9 of 10 aio requests, for its alerts."""
    return [
        series("xenwatch_aio_requests_used", host, "9+0x9"),
        series("xenwatch_aio_requests_max", host, "10+0x9"),
        *(
            series(
                "xenwatch_limit_threshold_ratio", host, at, limit="aio_requests", severity=severity
            )
            for severity, at in (("warning", "0.75+0x9"), ("critical", "0.875+0x9"))
        ),
    ]


def test_hosts_of_one_name_are_different_hosts(tmp_path: Path) -> None:
    """Hosts of the same name at several sites each have their alerts.

    With rules that know one site, evaluating the rule fails for all hosts.
    """
    every = [row for host in HOSTS for row in full_aio(host)]
    alerts = [alert(AIO, severity, 0.9, **host) for host in HOSTS for severity in SEVERITIES]
    grouped = outcome(tmp_path, SITES, every, 5, XenwatchAioRequestsNearLimit=alerts)
    shipped = outcome(tmp_path, Grouping("dom0"), every, 5, XenwatchAioRequestsNearLimit=alerts)

    assert grouped.returncode == 0, grouped.stdout + grouped.stderr
    assert shipped.returncode == 1
    assert "found duplicate series for the match group" in shipped.stdout + shipped.stderr


@pytest.mark.parametrize("grouping", [SITES, Grouping("dom0")], ids=["sites", "one pool"])
def test_what_is_no_live_host_says_so(tmp_path: Path, grouping: Grouping) -> None:
    """The summary begins with the mark, as that of the daemon does, for that host alone."""
    made, live = HOSTS[0], {**HOSTS[1], "instance": "host2"}
    stale = {"instance": "host3", "pool": "p", "site": "c"}
    every = [
        *full_aio(made),
        *full_aio(live),
        series("xenwatch_source_info", made, "1+0x9", kind="synthetic", mark="SYNTHETIC"),
        series("xenwatch_source_info", live, "1+0x9", kind="host", mark=""),
        series("xenwatch_source_info", stale, "1+0x9", kind="tree", mark="CAPTURE of 2026"),
        series("xenwatch_snapshot_timestamp_seconds", stale, "0+0x9"),
        series("up", HOSTS[0], "1+0x9"),
    ]
    by = grouping.by
    marks = (("SYNTHETIC", made), ("", live))
    full = [
        alert(AIO, severity, 0.9, by, mark, **host)
        for mark, host in marks
        for severity in SEVERITIES
    ]
    for each, host in zip(full, (made, made, live, live), strict=True):
        each["exp_annotations"]["runbook_url"] = f"http://{host['instance']}/runbooks/{AIO}.md"
    old = alert("XenwatchStale", "critical", 300, by, "CAPTURE of 2026", **stale)
    done = outcome(
        tmp_path, grouping, every, 5, XenwatchAioRequestsNearLimit=full, XenwatchStale=[old]
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_about_a_vm_keeps_the_labels_of_its_target(tmp_path: Path) -> None:
    """An alert about a VM has the pool and site of its target with the shipped rules too.

    The alert of the daemon has them, and Alertmanager deduplicates equal labels only.
    """
    host, vm = HOSTS[0], {"name": "web", "uuid": "8e4f7a52"}
    device = {"class": "vif", "errno": "ENOSPC", "backend_domid": "0"}
    every = [
        series("xenwatch_domain_backend_errors", host, "1+0x9", domid="7", **device),
        series("xenwatch_domain_state", host, "1+0x9", domid="7", state="running"),
        series("xenwatch_domain_info", host, "1+0x9", domid="7", **vm),
    ]
    told = alert("XenwatchBackendErrors", "warning", 1, by=(), **host, **vm, **device)
    done = outcome(tmp_path, Grouping("dom0"), every, 5, XenwatchBackendErrors=[told])

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_job_is_that_of_the_site() -> None:
    """No rule names another job than that of the site: what is down or absent, and runbooks."""
    text = rules(POLICY, grouping=SITES)

    assert {*re.findall(r'job\W+(\w+)\\?"', text)} == {"dom0"}
    assert text.count('job=\\"dom0\\"') == rules(POLICY).count('job=\\"xenwatch\\"') > 2


@pytest.mark.parametrize(
    "job", ["x on (job", "a.b|c+", "{{ $x }}", "$job's", "zürich: #1", "a${vms}"]
)
def test_a_job_stands_in_the_rules_as_it_is_called(tmp_path: Path, job: str) -> None:
    """Whatever a job is called, the rules are about that job."""
    text = rules(POLICY, grouping=Grouping(job, BY))
    (tmp_path / "rules.yml").write_text(text)
    checked = promtool("check", "rules", str(tmp_path / "rules.yml"))

    assert text.count(f'job=\\"{job}\\"') == rules(POLICY).count('job=\\"xenwatch\\"')
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_aggregation_and_join_keeps_the_labels() -> None:
    """No aggregation or join of the rules loses the labels of pool and site."""
    text = re.sub(r"(?m)^ *description: .*\n", "", rules(POLICY, grouping=SITES))
    kept = re.findall(r"\b(?:by|on) ?\(([^)]*)\)", text)
    dropped = re.findall(r"\b(?:without|ignoring) ?\(([^)]*)\)", text)

    assert len(kept) > 20
    assert {names for names in kept if not {*BY} <= {*names.split(", ")}} == set()
    assert {names for names in dropped if {"job", "instance", *BY} & {*names.split(", ")}} == set()


def test_every_query_of_a_text_is_about_one_host() -> None:
    """The queries of a description choose their series by all labels that name the host."""
    queries = re.findall(r"printf `([^`]*)`", rules(POLICY, grouping=SITES))
    chosen = [
        labels for query in queries for labels in re.findall(r"\bxenwatch_\w+\{([^}]*)\}", query)
    ]

    assert len(chosen) > 20
    assert {
        labels for labels in chosen if not labels.endswith("job=%q,instance=%q,pool=%q,site=%q")
    } == set()


def test_inhibitions_keep_to_a_site() -> None:
    """An alert of a host inhibits none of a host of the same name elsewhere.

    Only an alert without any label but the job can be about all sites.
    """
    everywhere = [
        rule for rule in map(SITES.inhibition, inhibitions()) if not {*BY} <= {*rule["equal"]}
    ]
    alone = {watch.title for watch in WATCHES if watch.labels == ("job",)}

    assert [rule["target_matchers"] for rule in everywhere] == [[f'alertname="{t}"'] for t in alone]


def test_the_command_line_makes_them(tmp_path: Path) -> None:
    """`generate rules` with a job and labels writes rules and inhibitions that have them."""
    file = tmp_path / "xenwatch.toml"
    file.write_text('[alerts]\njob = "xen"\n')
    arguments = ("rules", "--by", "pool, site", "--directory", str(tmp_path))

    assert generate(*arguments, "--job", "dom0", "--no-keep-firing-for") == 0
    text = (tmp_path / RULES).read_text()
    assert text == rules(POLICY, grouping=Grouping("dom0", BY, keep_firing_for=False))
    assert "keep_firing_for" not in text
    assert '"pool", "site"]' in (tmp_path / ALERTMANAGER).read_text()

    assert generate(*arguments, "--config.file", str(file)) == 0
    assert 'job=\\"xen\\"' in (tmp_path / RULES).read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "pool,my-site"), "--by: 'my-site': invalid label name: must be letters"),
        (("--by", "domid"), "--by: 'domid': is a label of xenwatch or Prometheus itself"),
        (("--by", ""), "--by: '': invalid label name"),
        (("--job", 'a"b'), '--job: must be printable characters other than "'),
        (("--job", ""), "--job: must be printable"),
    ],
)
def test_what_cannot_be_a_label_or_job_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """A mistake in the options is refused with the option and the reason; nothing is written."""
    with pytest.raises(SystemExit) as caught:
        generate("rules", "--directory", str(tmp_path), *arguments)

    assert caught.value.code == 2
    assert f"error: argument {said}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_label_given_twice_is_one() -> None:
    """A label named twice is used once."""
    assert labels("pool,site, pool") == BY


def test_critical_alerts_come_first() -> None:
    """In each group the rules of critical alerts stand before those of warnings.

    They are sent in that order, and a warning that arrives first is notified before the critical
    alert can inhibit it.
    """
    for group in rules(POLICY).split("- name: ")[2:]:
        severities = re.findall(r'severity: "(\w+)"', group)
        assert severities == sorted(severities, key="warning".__eq__), group.partition("\n")[0]
        assert group.startswith('"xenwatch-trends"') or {"critical", "warning"} <= {*severities}


@pytest.mark.parametrize("grouping", [Grouping(keep_firing_for=False), Grouping("d", BY, False)])
def test_old_vmalert_accepts_the_rules(tmp_path: Path, grouping: Grouping) -> None:
    """Without keep_firing_for, vmalert of Debian 12 accepts the rules."""
    argv = [tool("vmalert"), "-dryRun", f"-rule={tmp_path}/rules.yml"]
    (tmp_path / "rules.yml").write_text(rules(POLICY, grouping=grouping))
    accepted = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert accepted.returncode == 0, accepted.stderr
