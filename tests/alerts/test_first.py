"""The command an alert ends with works on every platform where the alert can fire."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.metrics import METRICS
from xenwatch.model.presets import PRESETS

ONCE = re.compile(r"(xenwatch once --format (?:table|prometheus)) \| (.*)")
OTHERS = {
    "(dmesg; xl dmesg) | xenwatch explain": "below",
    "cat /proc/buddyinfo": "every Linux has it",
    "df -h /var/lib/xenwatch": "every Linux has it, and the directory where there is a record",
    "dmesg | grep -E 'invoked oom-killer|Out of memory|Killed process' | tail -n 20": "below",
    "promtool query instant http://127.0.0.1:9090 up": "where Prometheus runs; tests/e2e asks so",
    "ps -eo stat,pid,wchan:32,args | awk '$1 ~ /^D/'": "of procps, which every dom0 has",
    "xenstore-ls -f /local/domain/0/error": "of Xen's tools; tests/xen/dom0/truth.sh asks so",
    "xenwatch doctor": "below",
    "xenwatch maintenance status": "below",
    "xenwatch plan": "below",
    "xl list": "of Xen's tools; tests/xen/dom0/truth.sh asks so",
}
"""The commands that are not about what one pass reads, and why they are right everywhere."""
EVERY: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
LOGS = {
    "dmesg": "[12.3] xenwatch-test: Out of memory: Killed process 7 (qemu-dm)",
    "xl": "(XEN) grant_table.c:1861:d5v0 Expanding d5 grant table from 31 to 32 frames",
}


@functools.cache
def printed(platform: str, command: str) -> str:
    """What a command of xenwatch prints on a synthetic host of that platform."""
    argv = command.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", argv[0], f"--source=synthetic:{platform}", *argv[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} on {platform}: {done.stderr}"
    return done.stdout


def shown(command: str, text: str, **environment: str) -> str:
    """What the rest of a pipe prints of a text. Fails where it finds nothing."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"{command}: nothing, {done.stderr}"
    return done.stdout


def metrics(alert: Alert) -> set[str]:
    """The metrics its conditions compare."""
    return {condition.metric for condition in alert.conditions.values()}


def test_every_command_is_of_a_kind_that_is_tried() -> None:
    """It shows what one pass reads, or is one of a few that are right on every platform."""
    assert {alert.first for alert in EVERY if not ONCE.fullmatch(alert.first)} == set(OTHERS)


@pytest.mark.parametrize("platform", PRESETS)
def test_it_shows_something_wherever_the_alert_can_fire(platform: str) -> None:
    """Where one pass has what an alert compares, the command of the alert finds it."""
    page = printed(platform, "xenwatch once --format prometheus")
    there = {line.partition("{")[0].partition(" ")[0] for line in page.splitlines()}
    tried = [
        (alert.title, found)
        for alert in ALERTS
        if metrics(alert) & there and (found := ONCE.fullmatch(alert.first))
    ]

    assert len(tried) > 20
    for title, found in tried:
        assert shown(found[2], printed(platform, found[1])), title


@pytest.mark.parametrize("alert", EVERY, ids=lambda alert: alert.title)
def test_it_asks_for_metrics_that_exist(alert: Alert | Watch) -> None:
    """A command that filters metrics finds at least one of those that xenwatch has."""
    names = "".join(f"{metric.name}{{\n" for metric in METRICS)
    found = ONCE.fullmatch(alert.first)
    if found and "prometheus" in found[1]:
        assert shown(found[2], names)


@pytest.mark.parametrize("platform", PRESETS)
def test_xenwatch_itself_answers_everywhere(platform: str) -> None:
    """A plan and the diagnosis of the probes are made on every platform."""
    assert printed(platform, "xenwatch plan")
    assert printed(platform, "xenwatch doctor")


def test_logs_are_explained(tmp_path: Path) -> None:
    """What the kernel and Xen have logged is explained, and what was killed is found."""
    for name, line in LOGS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{line}'\n")
        (tmp_path / name).chmod(0o755)
    program = tmp_path / "xenwatch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m xenwatch "$@" --no-headroom\n')
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    by_name = {alert.name: alert for alert in EVERY}

    assert "XenwatchOomKill" in shown(by_name["log_message"].first, "", PATH=path)
    assert LOGS["dmesg"] in shown(by_name["oom_kill"].first, "", PATH=path)
