"""What the tests need of the machine: how it is installed, and how what is missing is named."""

from __future__ import annotations

import ast
import functools
import json
import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tools
from tests.test_make_run import INHERITED
from tests.tools import BY_PROGRAM, FEATURES, PACKAGES, Feature, install, main, need, tool

ROOT = Path(__file__).resolve().parent.parent
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LEFT_OUT = {"CI", "SETUP"} | INHERITED


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where policy-rc.d would be; apt-get and systemctl only note how they are called."""
    path, calls = tmp_path / "policy-rc.d", tmp_path / "calls"
    program(tmp_path / "apt-get", f'"{path}"; echo "policy $?: apt-get $*" >>"{calls}"')
    program(tmp_path / "systemctl", f'echo "systemctl $*" >>"{calls}"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return path


def calls(policy: Path) -> list[str]:
    """How the programs were called, in order."""
    file = policy.with_name("calls")
    return file.read_text().splitlines() if file.exists() else []


def test_no_service_of_a_package_starts(policy: Path) -> None:
    """Services may not start while apt works, and those installed do not start at a boot."""
    install(["tmux", "prometheus"], policy)

    assert calls(policy) == [
        "policy 101: apt-get update -q",
        "policy 101: apt-get install -q -y --no-install-recommends tmux prometheus",
        "systemctl --quiet disable prometheus",
    ]
    assert not policy.exists()


def test_a_policy_of_the_machine_is_kept(policy: Path) -> None:
    """A policy-rc.d that is there already decides, and stays."""
    program(policy, "exit 104")
    install(["tmux"], policy)

    assert calls(policy)[0] == "policy 104: apt-get update -q"
    assert stat.S_IMODE(policy.stat().st_mode) == 0o755


def test_a_failed_installation_leaves_no_policy(
    policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where apt fails the set-up says what failed, and services may start again."""
    program(policy.with_name("apt-get"), "exit 100")
    monkeypatch.setattr(tools, "missing", lambda: ["tmux"])

    assert main(policy) == 1
    assert "setup: apt-get update -q: exit status 100" in capsys.readouterr().err
    assert not policy.exists()


def test_the_packages_are_said_first(
    policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is to be installed is printed, and what is there is not installed again."""
    monkeypatch.setattr(tools, "missing", lambda: ["tmux", "chromium"])
    assert main(policy) == 0
    said = capsys.readouterr().out
    monkeypatch.setattr(tools, "missing", list)
    assert main(policy) == 0

    assert said == "setup: installing with apt, starting no service: tmux chromium\n"
    assert len(calls(policy)) == 2


def test_who_is_not_root_is_given_the_command(
    policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without root nothing is tried: the command is named, and the set-up fails."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(tools, "missing", lambda: ["tmux"])

    assert main(policy) == 1
    assert "as root on Debian: apt-get install tmux\n" in capsys.readouterr().err
    assert calls(policy) == []


@pytest.mark.parametrize(
    ("asked", "installs"),
    [("CI=true", True), ("SETUP=1", True), ("CI=", False), ("SETUP=", False)],
)
def test_make_installs_when_asked(asked: str, installs: bool, tmp_path: Path) -> None:
    """`make test` starts with the set-up in CI and with SETUP=1, and does nothing of it else."""
    environment = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    environment |= dict([asked.split("=")])
    argv = ["make", "--dry-run", f"VENV={tmp_path}", "test"]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert (done.stdout.splitlines()[0] == "python3 -I tests/tools.py") is installs


WITHOUT = """
import pytest
from tests.tools import tool

@pytest.mark.parametrize("program", ["shellcheck", "shellcheck", "chromium"])
def test_a_program(program): tool(program)

def test_of_nothing(): pass
"""


def run_without(directory: Path, ci: str) -> subprocess.CompletedProcess[str]:
    """Tests that need programs, run on a machine whose PATH is that empty directory."""
    environment = {**os.environ, "PATH": str(directory), "CI": ci}
    file = directory / "test_without.py"
    file.write_text(WITHOUT)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", str(ROOT)]
    return subprocess.run(
        [*argv, "-p", "no:randomly", "-p", "no:cacheprovider", str(file)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_what_is_not_run_is_named_at_the_end(tmp_path: Path) -> None:
    """Tests without their program are skipped, counted and named with the command that gets it."""
    done = run_without(tmp_path, ci="")

    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-4:] == [
        "2 of shell scripts: apt-get install shellcheck",
        "1 of status page in a browser: apt-get install chromium chromium-driver",
        "To install all packages, as root on Debian: make test SETUP=1",
        lines[-1],
    ]
    assert lines[-1].startswith("1 passed, 3 skipped")


def test_in_ci_what_is_missing_fails(tmp_path: Path) -> None:
    """In CI a test without its program fails and names the package."""
    done = run_without(tmp_path, ci="true")

    assert done.returncode == 1, done.stdout
    assert "shell scripts: apt-get install shellcheck" in done.stdout
    assert "3 failed, 1 passed" in done.stdout


def absent() -> None:
    """A probe of what no kernel gives."""
    raise OSError("it is off")


@pytest.mark.parametrize(
    ("in_ci", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)]
)
def test_what_the_kernel_lacks_is_named(
    in_ci: bool, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that needs what the kernel does not give says how to get it, and fails in CI."""
    monkeypatch.setattr(tools, "IN_CI", in_ci)
    monkeypatch.setattr(tools, "FEATURES", {"x": Feature("a group", "switch it on", absent)})

    with pytest.raises(outcome, match=r"a group: no x \(it is off\); switch it on"):
        need("x")


def test_all_packages_of_a_group_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command for a group of tests gets all that it lacks at once."""
    monkeypatch.setattr(tools, "IN_CI", False)
    monkeypatch.setattr(tools, "SEARCH", "/nonexistent")

    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium chromium-driver"):
        tool("chromium")


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """The syntax tree of a file, flat."""
    return tuple(ast.walk(ast.parse(path.read_bytes())))


def arguments(function: str) -> Iterator[str]:
    """The first arguments with which the tests call a function of that name, where constant."""
    for path in TESTS:
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id == function and isinstance(first, ast.Constant):
                    yield str(first.value)


def test_the_table_has_what_the_tests_ask_for() -> None:
    """Every program and feature a test asks for is in the table, each program once."""
    programs = Counter(name for package in PACKAGES for name in package.programs)

    assert set(arguments("tool")) <= set(BY_PROGRAM)
    assert set(arguments("need")) - {"x"} == set(FEATURES)
    assert max(programs.values()) == 1


def test_no_test_is_skipped_in_another_way() -> None:
    """Tests are skipped by the table alone, so that CI runs every one of them."""
    ways = {"skip", "skipif", "skipTest", "importorskip", "xfail"}
    offenders = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in TESTS
        if path.name not in {"tools.py", "test_tools.py"}
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in ways
    }

    assert offenders == set()


def test_what_measures_is_not_traced() -> None:
    """A module of tests that reads CPU clocks itself has its tests run without coverage."""
    offenders = {
        str(path.relative_to(ROOT))
        for path in TESTS
        if path.name.startswith("test_") and not path.is_relative_to(ROOT / "tests/xen")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"thread_time", "process_time"}
        if "pytest.mark.no_cover" not in path.read_text()
    }

    assert offenders == set()


@pytest.mark.parametrize("name", [".ci/run", ".ci/bare-root"])
def test_shellcheck_accepts_the_scripts(name: str) -> None:
    """The scripts of CI leave shellcheck silent."""
    done = subprocess.run(
        [tool("shellcheck"), str(ROOT / name)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_lockfile_names_no_registry() -> None:
    """What npm installs is known by its version and hash, and comes from the machine's registry."""
    lock = json.loads((ROOT / "tests/grafana/package-lock.json").read_text())
    packages = {name: found for name, found in lock["packages"].items() if name}

    assert {name for name, found in packages.items() if "resolved" in found} == set()
    assert {name for name, found in packages.items() if "integrity" not in found} == set()
