"""What is imported when: pyroute2 is expensive, so a pass never imports it, the daemon late."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PASS = """
import contextlib, os, sys
from xenwatch.cli import main
with contextlib.suppress(SystemExit), open(os.devnull, "w") as sys.stdout:
    main(sys.argv[1:])
print("pyroute2" in sys.modules, file=sys.stderr)
"""

DAEMON = """
import json, os, signal, sys, threading, time
from xenwatch import cli, daemon

seen = []
def notify(state):
    seen.append((state, "pyroute2" in sys.modules))
    if state == "READY=1":
        threading.Thread(target=wait).start()
def wait():
    while "pyroute2" not in sys.modules:
        time.sleep(0.01)
    seen.append(("imported", True))
    os.kill(os.getpid(), signal.SIGTERM)
daemon.notify = notify
status = cli.main(["run", "--source", "host", "--web.listen-address", "127.0.0.1:0"])
print(json.dumps([status, seen]))
"""


def output(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python script's output, with the checkout's package."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["once", "--source", "synthetic"],
        ["once", "--source", "host"],
        ["check", "--source", "synthetic"],
        ["plan", "--platform", "debian-12"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_one_pass_does_without_pyroute2(arguments: list[str]) -> None:
    """Commands of one pass import none of pyroute2."""
    assert output(PASS, *arguments).stderr.splitlines()[-1] == "False"


def test_the_daemon_imports_pyroute2_once_it_is_ready() -> None:
    """The daemon reads and serves before it imports what its events need."""
    status, seen = json.loads(output(DAEMON).stdout)

    assert status == 0
    assert seen[0] == ["READY=1", False]
    assert ["imported", True] in seen
