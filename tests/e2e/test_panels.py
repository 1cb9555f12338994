"""The panels of the shipped dashboards on hosts that have what they show."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.programs import ROOT, Host, Prometheus, free_port, program, until
from tests.e2e.test_alerts import AT_ONCE
from tests.planning.learnt_support import Host as LearningHost
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.planning import learnt_file
from xenwatch.planning.learning import Learning
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.probes import PROBES

pytestmark = pytest.mark.timeout(120)

BOARDS: Final = sorted((ROOT / "grafana/dashboards").glob("*.json"))
DAEMONS: Final = {
    "debian": ("xenwatch", "run", "--source=synthetic:debian-12", "--config.file="),
    "busy": ("tests.e2e.busy", ""),
}
"""Daemons scraped beside one on which every probe reads something: module and its arguments, to
the last of which the path of the configuration is appended."""
OFTEN: Final = AT_ONCE + "".join(
    f"[probes.{probe.name}]\nenabled = true\ninterval = 1\n" for probe in PROBES
)
VALUES: Final = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of one panel, its variables filled."""

    board: str
    panel: int
    title: str
    ref: str
    expression: str


def fill(text: str, values: dict[str, str]) -> str:
    """A text with its variables replaced; one that has no value is an error."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


def chosen(prometheus: Prometheus, variable: dict[str, Any], instance: str) -> str:
    """What Grafana puts in place of a variable: one value, or all of them as a regex."""
    if variable["name"] == "instance" and not variable["multi"]:
        return instance
    found = VALUES.fullmatch(variable["query"])
    assert found, variable
    series = prometheus.query(fill(found[1], {"instance": instance}))
    values = sorted({re.escape(result["metric"][found[2]]) for result in series})
    return "(" + "|".join(values).replace("\\", "\\\\") + ")"


def queries(prometheus: Prometheus, file: Path, instance: str) -> Iterator[Asked]:
    """Every query of a dashboard as Grafana would ask it with that host chosen."""
    board = json.loads(file.read_text())
    values = {
        variable["name"]: chosen(prometheus, variable, instance)
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    }
    values["__rate_interval"] = "5s"  # four scrapes and more, as Grafana has it
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            filled = fill(target["expr"], values)
            yield Asked(file.stem, panel["id"], panel["title"], target["refId"], filled)


def taught() -> Learning:
    """What a host has learnt of five VMs that came one after the other."""
    host = LearningHost(XCP_NG_8_3)
    host.wait()
    for _ in range(5):
        host.start(BUILT_IN["windows"])
        host.wait(2)
    return host.learning


@contextlib.contextmanager
def synthetic(directory: Path, name: str) -> Iterator[str]:
    """The address of one of `DAEMONS`."""
    target = f"127.0.0.1:{free_port()}"
    config = directory / f"{name}.toml"
    learnt = directory / "learnt.json"
    learnt.write_text(learnt_file.dumps(taught()))
    plan = f'[plan]\nlearnt = "{learnt}"\n'
    config.write_text(f'[web]\nlisten_addresses = ["{target}"]\n{plan}[alerts]\n{OFTEN}')
    module, *options, last = DAEMONS[name]
    argv = (sys.executable, "-m", module, *options, f"{last}{config}")
    with program(f"http://{target}/-/ready", directory / f"{name}.log", *argv):
        yield target


def shown(prometheus: Prometheus, expression: str) -> bool:
    """Whether a query finds a value there is a line or a cell for."""
    return any(result["value"][1] != "NaN" for result in prometheus.query(expression))


def test_every_panel_shows_something(tmp_path: Path) -> None:
    """Each query of each panel returns data of a host that has what the panel shows."""
    storm = Host(tmp_path, "table", AT_ONCE)
    storm.turn("storm")
    with contextlib.ExitStack() as running:
        running.enter_context(storm.running())
        targets = [
            storm.target,
            *(running.enter_context(synthetic(tmp_path, name)) for name in DAEMONS),
        ]
        prometheus = Prometheus(tmp_path, storm.config, *targets)
        running.enter_context(prometheus.running())
        until(lambda: len(prometheus.query("xenwatch_build_info")) == len(targets), "a scrape")

        def empty() -> set[tuple[str, int, str, str]]:
            """Board, panel's id and title, and query, of what shows nothing on any host."""
            shows: dict[tuple[str, int, str, str], bool] = {}
            for target in targets:
                for file in BOARDS:
                    for query in queries(prometheus, file, target):
                        key = (query.board, query.panel, query.title, query.ref)
                        shows[key] = shows.get(key) or shown(prometheus, query.expression)
            return {key for key, something in shows.items() if not something}

        assert BOARDS
        with contextlib.suppress(AssertionError):
            until(lambda: not empty(), "every panel")
        assert empty() == set(), "empty panels"
