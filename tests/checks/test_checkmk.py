"""The local check for Checkmk: its line, as Checkmk's manual has the format of local checks.

https://docs.checkmk.com/latest/en/localchecks.html
"""

from __future__ import annotations

import math
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checks.installed import installed, stand_in, with_programs
from tests.running import xenwatch
from xenwatch.limits import LIMITS


@dataclass(frozen=True)
class Service:
    """A service as a server takes it from a line; a metric is value, levels, min and max."""

    state: int
    name: str
    metrics: dict[str, tuple[float, ...]]
    text: str


def parsed(line: str) -> Service:
    """A line of a local check: state, name, metrics and text, with one space between them."""
    match = re.fullmatch(r'([0123]) "([^"\']+)" (\S+) (\S.*)\n', line)
    assert match, line
    metrics = {} if match[3] == "-" else dict(map(metric, match[3].split("|")))
    return Service(int(match[1]), match[2], metrics, match[4])


def metric(text: str) -> tuple[str, tuple[float, ...]]:
    """`NAME=VALUE;WARN;CRIT;MIN;MAX`, numbers without a unit; NaN for what is left out."""
    name, _, numbers = text.partition("=")
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name), name
    return name, tuple(float(number) if number else math.nan for number in numbers.split(";"))


def run(tmp_path: Path, *before: Path) -> Service:
    """What the installed check prints; it never fails itself."""
    file = installed("docs/checks.md", "checkmk/xenwatch", tmp_path)
    environment = {**with_programs(*before), "LC_ALL": "C.UTF-8"}
    argv = [str(file)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return parsed(done.stdout)


def test_a_daemon_is_a_service(tmp_path: Path) -> None:
    """The state, the limits with their levels, and the text are those of `xenwatch check`."""
    with xenwatch("--source", "synthetic:xcp-ng-8.3") as running:
        running.get_ready()
        script = f'exec {with_programs()["PATH"].split(":")[0]}/xenwatch "$@" --url {running.url}'
        directory = stand_in(tmp_path / "bin", script)
        found = run(tmp_path, directory)
        argv = [str(directory / "xenwatch"), "check"]
        check = subprocess.run(argv, capture_output=True, text=True, check=False)

    text, _, data = check.stdout.partition(" | ")
    assert (found.name, found.state) == ("xenwatch", check.returncode)
    assert text.endswith(f" - {found.text}")
    assert found.metrics.keys() == set(re.findall(r"'(\w+)'=", data))
    assert found.metrics.keys() <= {limit.name for limit in LIMITS}
    memory = re.search(r"'dom0_memory'=(\d+)B;(\d+);(\d*);0;(\d+)", data)
    assert memory
    values = tuple(float(number) if number else math.nan for number in memory.groups())
    assert found.metrics["dom0_memory"] == pytest.approx((*values[:3], 0.0, values[3]), nan_ok=True)


@pytest.mark.parametrize(
    ("script", "state", "text"),
    [
        ("echo 'XENWATCH CRITICAL - a; b | '\\''ptys'\\''=1;2;-1;0;9'; exit 2", 2, "a; b"),
        ("echo 'XENWATCH WARNING - VM \"x\" (1) has no vif'; exit 1", 1, 'VM "x" (1) has no vif'),
        ("echo 'XENWATCH UNKNOWN - no answer'; exit 3", 3, "no answer"),
        ("echo 'Traceback'; echo more; exit 120", 3, "Traceback"),
    ],
)
def test_states_are_passed_on(tmp_path: Path, script: str, state: int, text: str) -> None:
    """Every status of the check is that of the service, and any other is unknown."""
    found = run(tmp_path, stand_in(tmp_path / "bin", script))

    assert (found.state, found.text) == (state, text)
    assert found.metrics == ({"ptys": (1, 2, -1, 0, 9)} if state == 2 else {})


def test_a_daemon_that_does_not_answer_is_unknown(tmp_path: Path) -> None:
    """The line is a whole one, with the reason, when there is nobody to ask."""
    script = f'exec {with_programs()["PATH"].split(":")[0]}/xenwatch "$@" --url http://127.0.0.1:1'
    found = run(tmp_path, stand_in(tmp_path / "bin", script))

    assert (found.state, found.metrics) == (3, {})
    assert "Connection refused" in found.text
