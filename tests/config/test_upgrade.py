"""Upgrades: the configuration of an earlier release, and the names that others refer to."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.cli.main import make_parser
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import load_settings
from xenwatch.limits import LIMITS
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import names
from xenwatch.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
OLD = Path(__file__).with_name("xenwatch-0.1.0.toml")
"""Every key of 0.1.0 but those of shapes, at its default there."""
NAMES: Mapping[str, Any] = json.loads(Path(__file__).with_name("names-0.1.0.json").read_text())
"""What 0.1.0 had, by kind: names, with labels and the like."""
DOCUMENT = (ROOT / "docs/upgrading.md").read_text()


def test_every_key_of_0_1_0_is_still_known() -> None:
    """The file is accepted as it is, and each of its keys is set."""
    sections = tomllib.loads(OLD.read_text())
    keys = {path for name, section in sections.items() for path in paths(name, section)}

    assert len(keys) > 150
    assert load_settings(str(OLD), {}).values.keys() == keys


def paths(name: str, section: dict[str, object]) -> set[str]:
    """The keys of a section and of those below it, with their paths."""
    found = set()
    for key, value in section.items():
        path = f"{name}.{key}"
        found |= paths(path, value) if isinstance(value, dict) else {path}
    return found


def alerts() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The alerts of today with severities and labels."""
    every: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    for alert in every:
        if isinstance(alert, Alert):
            severities, labels = sorted(alert.conditions), {*alert.labels, *alert.fixed}
        else:
            severities, labels = sorted(alert.severities), set(alert.labels)
        yield alert.title, {"severities": severities, "labels": sorted(labels)}


def metrics() -> Iterator[tuple[str, dict[str, Any]]]:
    """The metrics of today with types and labels, as they are documented."""
    rows = re.findall(
        r"(?m)^\| `(\w+)` \| (\w+) \| ([^|]*) \|", (ROOT / "docs/metrics.md").read_text()
    )
    for name, kind, labels in rows:
        yield name, {"type": kind, "labels": sorted(re.findall(r"`(\w+)`", labels))}


def dashboards() -> set[str]:
    """The dashboards of today, as links name them."""
    files = (ROOT / "grafana/dashboards").glob("*.json")
    return {json.loads(path.read_text())["uid"] for path in files}


def options() -> set[str]:
    """The options of today, each behind its command."""
    (commands,) = (
        action.choices for action in make_parser()._actions if isinstance(action.choices, dict)
    )
    return {f"{name} {flag}" for name, parser in commands.items() for flag in flags(parser)}


def flags(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a command."""
    return {flag for action in parser._actions for flag in action.option_strings}


def records() -> set[str]:
    """The recording rules of today."""
    text = (ROOT / "contrib/prometheus/xenwatch.rules.yml").read_text()
    return set(re.findall(r'record: "([\w:]+)"', text))


TODAY: Mapping[str, Any] = {
    "alerts": dict(alerts()),
    "metrics": dict(metrics()),
    "records": records(),
    "dashboards": dashboards(),
    "options": options(),
    "limits": {limit.name for limit in LIMITS},
    "probes": {probe.name for probe in PROBES},
    "scenarios": set(names()),
    "presets": set(PRESETS),
}


def changed(kind: str) -> set[str]:
    """The names of 0.1.0 that are gone or have other labels and the like."""
    old, new = NAMES[kind], TODAY[kind]
    details = isinstance(old, dict) and isinstance(new, dict)
    return {name for name in old if name not in new or (details and old[name] != new[name])}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without their marks."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = re.findall(r"(?m)^\| (.*) \|$", section)[2:]
    return [[cell.strip("` ") for cell in line.split(" | ")] for line in table]


@pytest.mark.parametrize("kind", NAMES)
def test_what_has_changed_its_name_is_documented(kind: str) -> None:
    """Each name of 0.1.0 that is gone or has other labels has a row, and each row is of such."""
    listed = [name for of, name, _ in rows("Names and labels") if f"{of}s" == kind]

    assert {
        name for name in changed(kind) if not any(fnmatchcase(name, each) for each in listed)
    } == set()
    assert {
        each for each in listed if not any(fnmatchcase(name, each) for name in changed(kind))
    } == set()


def test_every_row_is_of_a_kind_of_name() -> None:
    """No row escapes the comparison."""
    assert {f"{kind}s" for kind, _, _ in rows("Names and labels")} <= NAMES.keys()
    assert TODAY.keys() == NAMES.keys()


def test_what_has_another_default_is_documented() -> None:
    """With both values, as the configuration has them."""
    before, today = load_settings(str(OLD), {}).values, {key.path: key.default for key in KEYS}
    other = {
        path: [shown(value), shown(today[path])]
        for path, value in before.items()
        if value != today[path]
    }

    assert {name: cells for name, *cells in rows("Defaults")} == other


def shown(value: object) -> str:
    """A number as TOML has it, and what is never reached."""
    return '"never"' if value is None else f"{value:g}"


def test_only_names_of_0_1_0_have_changed_their_meaning() -> None:
    """Each row names a metric or an alert of 0.1.0 that is still there."""
    meanings = [(kind, name) for kind, name, *_ in rows("Meanings") if kind in ("metric", "alert")]

    assert len(meanings) > 10
    for kind, name in meanings:
        assert name in NAMES[f"{kind}s"].keys() & TODAY[f"{kind}s"].keys()
