"""The dashboards: what the SDK's types say of them, ids, variables, metrics, and what is shown."""

from __future__ import annotations

import builtins
import copy
import dataclasses
import importlib.metadata
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.generate.test_generated import ROOT, generate
from tests.rules.test_rules import promtool
from xenwatch.advice.qemu_wakeups import remedies
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config.settings import ConfigError, Settings
from xenwatch.generate.command import SDK
from xenwatch.generate.dashboards import dashboard_files, panels, queries
from xenwatch.generate.rules import HOST_RECORDS, RECORDS
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS
from xenwatch.parse.qemu import CDROM, SERIAL, TABLET, USB, USB_OTHER

POLICY = Settings().alerts()
BOARDS: Mapping[str, Any] = {
    Path(name).stem: json.loads(text) for name, text in dashboard_files(POLICY).items()
}
ADVICE = panels.identity("xenwatch-domains/advice")
BUILT_IN = {"__rate_interval"}
"""Variables that Grafana defines."""


def panels_of(board: Any) -> Iterator[Any]:
    """The panels of a dashboard that ask something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions(panel: Any) -> list[str]:
    """The queries of a panel."""
    return [target["expr"] for target in panel["targets"]]


@pytest.mark.parametrize("name", BOARDS)
def test_the_types_of_the_sdk_lose_nothing(name: str) -> None:
    """A dashboard decoded to the SDK's types and encoded again is the same."""
    register_default_plugins()
    expected = copy.deepcopy(BOARDS[name])
    for panel in panels_of(expected):  # what is empty may also be left out
        panel["fieldConfig"]["defaults"].setdefault("custom", {})
    decoded = Dashboard.from_json(copy.deepcopy(expected))

    assert json.loads(json.dumps(decoded, cls=JSONEncoder)) == expected


def test_uids_are_those_of_the_files() -> None:
    """A dashboard's uid is the name of its file, and is one a URL may hold."""
    assert {name: board["uid"] for name, board in BOARDS.items()} == {n: n for n in BOARDS}
    assert all(re.fullmatch(r"[a-z-]{1,40}", name) for name in BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_ids_are_unique(name: str) -> None:
    """No two panels of a dashboard have one id, nor two queries of a panel one name."""
    ids = Counter(panel["id"] for panel in BOARDS[name]["panels"])
    refs = Counter(
        (panel["id"], target["refId"])
        for panel in panels_of(BOARDS[name])
        for target in panel["targets"]
    )

    assert {key for counts in (ids, refs) for key, n in counts.items() if n > 1} == set()
    assert all(0 < number < 1 << 31 for number in ids)


def test_an_id_depends_on_the_key_alone() -> None:
    """Links to a panel stay good: the id of a key is the one it has always had."""
    assert panels.identity("xenwatch-host/limit/event_channels") == 1909440958


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    """Every panel has its own place within the grid."""
    cells: Counter[tuple[int, int]] = Counter()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            cells.update((x, y) for y in range(at["y"], at["y"] + at["h"]))

    assert max(x for x, _ in cells) < panels.WIDTH
    assert {cell for cell, n in cells.items() if n > 1} == set()


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_defined(name: str) -> None:
    """What a dashboard uses with a dollar is a variable of it or of Grafana, and none is idle."""
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARDS[name])))
    defined = {variable["name"] for variable in BOARDS[name]["templating"]["list"]}

    assert used - BUILT_IN == defined


@pytest.mark.parametrize("name", BOARDS)
def test_every_metric_is_declared(name: str) -> None:
    """A query names only metrics that are declared, recorded by the rules, or Prometheus's own."""
    text = re.compile(r"[a-z_:]*(?:xenwatch_|\bup\b)[a-z_0-9:]*")
    known = {
        f"{metric.name}_bucket" if metric.kind == "histogram" else metric.name for metric in METRICS
    } | {*RECORDS, *HOST_RECORDS, "up"}
    named = {
        word
        for panel in panels_of(BOARDS[name])
        for expression in expressions(panel)
        for word in text.findall(re.sub(r'"[^"]*"', "", expression))
    }

    assert named
    assert named - known == set()


def test_every_metric_is_shown() -> None:
    """A metric that is declared is in some panel: a new one needs no other place."""
    shown = {
        name
        for board in BOARDS.values()
        for panel in panels_of(board)
        for expression in expressions(panel)
        for name in queries.names(expression)
    }

    assert {metric.name for metric in METRICS} - shown == set()


def test_every_record_is_shown() -> None:
    """What the rules record is in some panel."""
    asked = "\n".join(
        expression
        for board in BOARDS.values()
        for panel in panels_of(board)
        for expression in expressions(panel)
    )

    assert {name for name in (*RECORDS, *HOST_RECORDS) if name not in asked} == set()


def test_every_limit_has_its_panel_with_its_thresholds() -> None:
    """The host's dashboard has a panel for each limit, with the thresholds the daemon exports."""
    found = {panel["id"]: expressions(panel) for panel in panels_of(BOARDS["xenwatch-host"])}
    for limit in LIMITS:
        used, *_, threshold = found[panels.identity(f"xenwatch-host/limit/{limit.name}")]
        assert queries.names(used) >= {limit.used_metric}
        assert f'limit="{limit.name}"' in threshold
        assert "xenwatch_limit_threshold_ratio" in threshold


def test_every_alert_has_a_panel_that_links_its_runbook() -> None:
    """From what an alert watches its runbook is one click away."""
    linked = {
        link["url"]
        for board in BOARDS.values()
        for panel in panels_of(board)
        for link in panel.get("links", ())
    }
    titles = {*(alert.title for alert in ALERTS), *(watch.title for watch in WATCHES)}

    found = {re.fullmatch(r"http://\$\{(\w+):raw\}/runbooks/(\w+)\.md", url) for url in linked}
    assert {match[2] for match in found if match} == titles
    assert None not in found


@pytest.mark.parametrize("name", BOARDS)
def test_a_runbook_is_asked_of_one_daemon(name: str) -> None:
    """The variable that begins the links of a dashboard is one host, never several."""
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}
    used = set(re.findall(r"http://\$\{(\w+):raw\}", json.dumps(BOARDS[name])))

    assert [reference for reference in used if variables[reference].get("multi")] == []


def test_a_table_of_many_hosts_tells_them_apart() -> None:
    """Where several hosts are chosen, each table has the column that names them."""
    hidden = {}
    for name, board in BOARDS.items():
        variables = {variable["name"]: variable for variable in board["templating"]["list"]}
        if variables["instance"].get("multi"):
            for panel in panels_of(board):
                for step in panel.get("transformations", ()):
                    excluded = step["options"].get("excludeByName", {})
                    hidden[name, panel["title"]] = "instance" in excluded

    assert ("xenwatch-pool", "Build") in hidden
    assert {where for where, left_out in hidden.items() if left_out} == set()


def test_the_advice_of_the_domains_is_that_of_the_command(tmp_path: Path) -> None:
    """The panel has what advise would switch off: no USB controller that another device needs."""
    (panel,) = (
        candidate
        for candidate in panels_of(BOARDS["xenwatch-domains"])
        if candidate["id"] == ADVICE
    )
    (query,) = expressions(panel)
    query = query.replace("$instance", "a").replace("$domid", ".*")
    query = query.replace("$__rate_interval", "5m")
    devices = {1: (USB, USB_OTHER, SERIAL, CDROM), 2: (USB, TABLET), 3: ()}
    host = 'job="j",instance="a"'
    values = {
        f'xenwatch_qemu_emulated_device{{{host},domid="{domid}",device="{device}"}}': "1x10"
        for domid, found in devices.items()
        for device in found
    }
    values |= {
        f'xenwatch_qemu_wakeups_total{{{host},domid="{domid}"}}': f"0+{domid * 60}x10"
        for domid in devices
    }
    values[f'xenwatch_domain_info{{{host},domid="1",name="web"}}'] = "1x10"
    expected = {
        (domid, remedy.device) for domid, found in devices.items() for remedy in remedies(found)
    }
    samples = [
        {
            "labels": f'{{{host},domid="{domid}",device="{device}"'
            + (',name="web"}' if domid == 1 else "}"),
            "value": domid,
        }
        for domid, device in expected
    ]
    asked = {"expr": query, "eval_time": "10m", "exp_samples": samples}
    series = [{"series": name, "values": text} for name, text in values.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    file = tmp_path / "advice.json"  # JSON is YAML
    file.write_text(json.dumps({"rule_files": [], "tests": [test]}))
    tested = promtool("test", "rules", str(file))

    assert (1, USB) not in expected
    assert len(expected) == 4
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_grafana_reads_the_directory_the_document_installs_into() -> None:
    """The provider's path is where docs/grafana.md puts the dashboards."""
    provider = (ROOT / "grafana/provisioning/dashboards/xenwatch.yml").read_text()
    found = re.search(r"path: (\S+)", provider)

    assert found
    assert f"grafana/dashboards/*.json {found[1]}/\n" in (ROOT / "docs/grafana.md").read_text()


def test_links_begin_with_the_configured_address() -> None:
    """The key for runbooks moves every link of the dashboards."""
    policy = dataclasses.replace(POLICY, runbooks="https://example.org/runbooks/")
    texts = dashboard_files(policy).values()

    assert not [text for text in texts if ":raw}" in text]
    assert any("https://example.org/runbooks/XenwatchPoolFull.md" in text for text in texts)


def test_without_the_sdk_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what builds the dashboards is not installed, the error names it and the command."""
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == SDK:
            raise ModuleNotFoundError(f"No module named {SDK!r}", name=SDK)
        return real(name, *arguments)

    for name in [
        module for module in sys.modules if module.startswith("xenwatch.generate.dashboards")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ConfigError) as caught:
        generate("dashboards", "--check")
    assert caught.value.problems == (
        f"the module {SDK} is missing; in the repository: pip install --group generate",
    )


def test_the_daemon_does_not_need_the_sdk() -> None:
    """The package declares the SDK for those who generate, and not for those who run."""
    metadata = importlib.metadata.requires("xenwatch") or []

    assert not [line for line in metadata if SDK in line.replace("-", "_")]
