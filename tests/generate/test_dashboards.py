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
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.models.prometheus import Dataquery

from tests.generate.boards import (
    BOARDS,
    POLICY,
    PREFIX,
    every_panel,
    expressions,
    links,
    metrics_of,
    overrides,
    panels_of,
)
from tests.generate.test_generated import ROOT, generate
from tests.rules.test_rules import promtool
from xenwatch.advice.qemu_wakeups import remedies
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config.errors import ConfigError
from xenwatch.generate.command import SDK
from xenwatch.generate.dashboards import (
    ANNOTATED,
    board,
    dashboard_files,
    panels,
    queries,
    remaining,
)
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS, Metric
from xenwatch.parse.qemu import CDROM, SERIAL, TABLET, USB, USB_OTHER

ADVICE = panels.identity("xenwatch-domains/Advice: emulated devices to disable")
BUILT_IN = {
    *("__rate_interval", "__range", "__url_time_range", "__value", "__field", "__data"),
    *("__all", "datasource", "job"),
}
"""Variables that Grafana defines, and those that every dashboard has."""
LIMIT_METRICS = {name for limit in LIMITS for name in (limit.used_metric, limit.max_metric)}


@pytest.mark.parametrize("name", BOARDS)
def test_the_types_of_the_sdk_lose_nothing(name: str) -> None:
    """A dashboard decoded to the SDK's types and encoded again is the same.

    But for annotations, for which it has not Prometheus's own fields, and where bars have names.
    """
    register_default_plugins()
    expected = copy.deepcopy(BOARDS[name])
    for annotation in expected["annotations"]["list"]:
        for key in ANNOTATED:
            del annotation[key]
    for panel in panels_of(expected):
        if panel["type"] == "bargauge":
            assert panel["options"].pop("namePlacement") == "left"
        # What is empty may also be left out.
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
    assert panels.identity("xenwatch-host/State") == 620531939


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    """Every panel has its own place within the grid."""
    cells: Counter[tuple[int, int]] = Counter()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            cells.update((x, y) for y in range(at["y"], at["y"] + at["h"]))

    assert max(x for x, _ in cells) < board.WIDTH
    assert {cell for cell, n in cells.items() if n > 1} == set()


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_defined(name: str) -> None:
    """What a dashboard uses with a dollar is a variable of it or of Grafana, and none is idle."""
    used = set(re.findall(r"\$\{?([a-z_]\w*)", json.dumps(BOARDS[name])))  # $1 is of PromQL
    defined = {variable["name"] for variable in BOARDS[name]["templating"]["list"]}

    assert used - BUILT_IN == defined - BUILT_IN


@pytest.mark.parametrize("name", BOARDS)
def test_every_metric_is_declared(name: str) -> None:
    """A query names only metrics that are declared, and Prometheus's own."""
    known = {metric.name for metric in METRICS} | {"up"}
    known |= {
        f"{metric.name}_{end}"
        for metric in METRICS
        if metric.kind == "histogram"
        for end in ("bucket", "count")
    }
    named = {
        word
        for panel in panels_of(BOARDS[name])
        for expression in expressions(panel)
        for word in PREFIX.findall(re.sub(r'"[^"]*"', "", expression))
    }

    assert named
    assert named - known == set()


def test_every_metric_is_shown() -> None:
    """A metric that is declared is in some panel: a new one needs no other place."""
    shown = {
        name
        for _, panel in every_panel()
        for expression in expressions(panel)
        if '"$metric"' not in expression
        for name in metrics_of(expression)
    }

    assert {metric.name for metric in METRICS} - shown == set()


def test_a_metric_of_no_panel_is_in_the_table_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new metric appears by itself, on the board of what it is about, in its unit's column."""
    fans, fan = (
        Metric(f"xenwatch_{name}_total", "counter", "A.", "nowhere", lambda _: (), labels)
        for name, labels in (("fans", ("fan",)), ("fan_of_domain", ("domid", "fan")))
    )
    monkeypatch.setattr(remaining, "METRICS", (fans, fan))
    for style, labels, of_domains, metric, other in (
        ("xenwatch-host", queries.INSTANCE, False, fans, fan),
        ("xenwatch-domains", queries.DOMAIN, True, fan, fans),
    ):
        panel = remaining.remaining(
            panels.Style(style, POLICY), (), labels, of_domains=of_domains
        ).build()
        assert panel.targets
        (target,) = panel.targets
        assert isinstance(target, Dataquery)
        assert f"rate({metric.name}{{" in target.expr
        assert other.name not in target.expr
        assert "label_join(" in target.expr
        assert '"fan"' in target.expr


def test_every_limit_is_shown_by_its_full_name() -> None:
    """Where a panel has limits, each limit has its title, in tables and in legends."""
    tables, legends = 0, 0
    for _, panel in every_panel():
        fields = overrides(panel)
        for properties in fields.values():
            options = properties.get("mappings", [{}])[0].get("options", {})
            if "event_channels" in options:
                tables += 1
                for limit in LIMITS:
                    assert options[limit.name]["text"] == limit.title
        if "{{limit}}" in {target["legendFormat"] for target in panel["targets"]}:
            legends += 1
            for limit in LIMITS:
                assert fields[limit.name]["displayName"] == limit.title

    assert tables >= 8
    assert legends == 3


def test_a_cell_without_a_word_has_no_colour() -> None:
    """What fills a cell by its words leaves one empty that has none, such as of a host down."""
    found = [
        properties
        for _, panel in every_panel()
        for properties in overrides(panel).values()
        if "mappings" in properties and "thresholds" in properties
    ]

    assert found
    for properties in found:
        assert [step["color"] for step in properties["thresholds"]["steps"]] == ["transparent"]


def test_the_chosen_limit_has_its_thresholds() -> None:
    """The panel of one limit has its used part, and the thresholds the daemon exports."""
    (panel,) = (p for _, p in every_panel() if p["title"] == "The chosen limit over time")
    used, *thresholds = expressions(panel)

    assert metrics_of(used) >= LIMIT_METRICS
    for severity, expression in zip(SEVERITIES, thresholds, strict=True):
        assert expression.startswith("xenwatch_limit_threshold_ratio{")
        assert f'limit="$limit",severity="{severity}"' in expression


def test_every_alert_is_one_click_from_its_runbook() -> None:
    """The name of an alert in a table is a link to its runbook, which is called after it."""
    found = [
        link["url"]
        for _, panel in every_panel()
        for heading, properties in overrides(panel).items()
        if heading in {"Alert", "Worst alert"}
        for link in properties["links"]
    ]

    assert len(found) == 4
    assert set(found) == {"http://${daemon:raw}/runbooks/${__value.raw}.md"}
    every: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    assert [alert.title for alert in every if alert.runbook != f"{alert.title}.md"] == []


def test_what_an_alert_watches_has_a_panel_that_links_its_runbook() -> None:
    """From what an alert watches its runbook is one click away; limits have theirs in tables."""
    linked = {
        match[1]
        for _, panel in every_panel()
        for url in links(panel)
        if (match := re.fullmatch(r"http://\$\{daemon:raw\}/runbooks/(\w+)\.md", url))
    }
    of_limits = {near_limit(limit).title for limit in LIMITS}
    titles = {*(alert.title for alert in ALERTS), *(watch.title for watch in WATCHES)}

    assert linked & of_limits == set()
    assert len(linked) >= len(titles - of_limits) * 2 // 3


@pytest.mark.parametrize("name", BOARDS)
def test_a_runbook_is_asked_of_one_daemon(name: str) -> None:
    """The links to runbooks begin with a daemon that answers, this host's own if it does."""
    variables = {variable["name"]: variable for variable in BOARDS[name]["templating"]["list"]}
    daemon = variables["daemon"]

    assert daemon["hide"] == 2
    assert not daemon.get("multi")
    own, other = daemon["query"].split(" or on () ")
    assert 'instance=~"$instance"} == 1' in own
    assert "instance" not in other


def test_the_advice_of_the_domains_is_that_of_the_command(tmp_path: Path) -> None:
    """The panel has what advise would switch off: no USB controller that another device needs."""
    (panel,) = (
        candidate
        for candidate in panels_of(BOARDS["xenwatch-domains"])
        if candidate["id"] == ADVICE
    )
    (query,) = expressions(panel)
    query = query.replace("$instance", "a").replace("$domid", ".*").replace("$job", "j")
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
    expected = {
        (domid, remedy.device) for domid, found in devices.items() for remedy in remedies(found)
    }
    samples = [
        {"labels": f'{{{host},device="{device}",cost="{device}"}}', "value": domid}
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

    assert not [text for text in texts if "${daemon" in text]
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
