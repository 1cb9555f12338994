"""What is imported, and when: every dependency, by the sources no parser, pyroute2 late."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture import ROOT, arrows, modules
from tests.test_house import declared
from xenwatch.cli.commands import HELP

PASS = """
import contextlib, os, sys
from xenwatch.cli.main import main
with contextlib.suppress(SystemExit), open(os.devnull, "w") as sys.stdout:
    main(sys.argv[1:])
print("pyroute2" in sys.modules, file=sys.stderr)
"""

MODULES = """
import contextlib, json, os, sys
from xenwatch.cli.main import main
with contextlib.suppress(SystemExit), open(os.devnull, "w") as sys.stdout:
    main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

DAEMON = """
import json, os, signal, sys, threading, time
from xenwatch.cli.main import main
from xenwatch.daemon import daemon

seen = []
def notify(state):
    large = ("xenwatch.model", "xenwatch.generate.")
    model = [name for name in sys.modules if name.startswith(large)]
    seen.append((state, "pyroute2" in sys.modules, sorted(model)))
    if state == "READY=1":
        threading.Thread(target=wait).start()
def wait():
    while "pyroute2" not in sys.modules:
        time.sleep(0.01)
    seen.append(("imported", True, []))
    os.kill(os.getpid(), signal.SIGTERM)
daemon.notify = notify
status = main(["run", "--source", "host", "--web.listen-address", "127.0.0.1:0"])
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
    assert seen[0][:2] == ["READY=1", False]
    assert ["imported", True, []] in seen


def test_a_daemon_of_the_host_starts_without_the_synthetic_one() -> None:
    """Until it is ready it imports no model, and nothing of `generate` but the command."""
    _, seen = json.loads(output(DAEMON).stdout)

    assert set(seen[0][2]) <= {"xenwatch.generate.command", "xenwatch.generate.grouping"}


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["check", "--url", "http://127.0.0.1:1"]], ids=" ".join
)
def test_what_is_run_every_minute_imports_little(arguments: list[str]) -> None:
    """A command that asks a daemon, or nobody, has the standard library and few modules of ours."""
    large = {
        *("asyncio", "structlog", "aiohttp", "psutil", "prometheus_client", "yaml"),
        *(f"xenwatch.{name}" for name in ("limits", "alerts", "probes", "model", "generate")),
    }
    imported = json.loads(output(MODULES, *arguments).stderr)

    assert large & set(imported) == set()


@pytest.mark.parametrize(
    ("url", "imported"), [("http", False), ("unix:/nowhere", False), ("https", True)]
)
def test_only_https_needs_tls(url: str, imported: bool) -> None:
    """A check of plain HTTP or a Unix socket has none of its libraries."""
    address = url if ":" in url else f"{url}://127.0.0.1:1"
    found = json.loads(output(MODULES, "check", "--url", address).stderr)

    assert ({"ssl", "_ssl"} <= set(found)) is imported


def test_who_asks_receivers_has_https() -> None:
    """`check-config` asks with the standard library, which is whole for it."""
    found = json.loads(
        output(MODULES, "check-config", "--source=synthetic").stderr.splitlines()[-1]
    )

    assert "xenwatch.cli.plain_http" not in found


@pytest.mark.parametrize(
    "arguments",
    [
        ["once", "--source", "synthetic:debian-12"],
        ["top", "--batch", "-n1", "--source", "synthetic:debian-12"],
        ["top", "--help"],
    ],
    ids=" ".join,
)
def test_only_a_screen_needs_urwid(arguments: list[str]) -> None:
    """No command imports urwid but `top`, and that not to print."""
    imported = json.loads(output(MODULES, *arguments).stderr.splitlines()[-1])

    assert {"urwid", "wcwidth", "xenwatch.cli.live_terminal"} & set(imported) == set()


def test_a_command_imports_no_other() -> None:
    """Of the modules of commands there is the one that was chosen."""
    imported = json.loads(output(MODULES, "scenarios").stderr)
    commands = {f"xenwatch.cli.{name.replace('-', '_')}" for name in HELP}

    assert commands & set(imported) == {"xenwatch.cli.scenarios"}


def test_sources_interpret_nothing() -> None:
    """No module of the sources imports a parser, a probe or what events mean: they give bytes."""
    assert arrows(modules())["sources"].isdisjoint({"parse", "probes", "events"})


def test_what_is_declared_is_imported() -> None:
    """Every declared run-time dependency is imported by the package, somewhere in it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["tui"]
    imported: set[str] = set()
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])

    assert declared(lines) - imported == set()


def test_dataclasses_are_made_in_short() -> None:
    """No module of the package has the standard library make one, see `xenwatch.values`."""
    made = re.compile(r"from dataclasses import .*\bdataclass\b|dataclasses\.dataclass")
    slow = {name for name, path in modules().items() if made.search(path.read_text())}

    assert slow == {"xenwatch.values", "xenwatch.readings.snapshot"}  # that one has no slots
