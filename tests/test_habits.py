"""The habits of the repository: changelog, releases, hooks before a commit, how texts look."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import xenwatch
from tests.shown import commands
from tests.test_house import tracked
from tests.test_make_run import INHERITED

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
KINDS = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}
LONG = ("make test", "make test-xen", "make test-packages", "make packages", "make generate")
"""Commands of a release that other tests stand for."""
ELSEWHERE = {"gpg", "pip-audit"}
"""Programs of it that need the key of the releases, or the internet."""


def environment(**more: str) -> dict[str, str]:
    """The environment of this process without what make leaves, with a committer and `more`."""
    kept = {key: value for key, value in os.environ.items() if key not in INHERITED}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        git |= {f"GIT_{role}_NAME": "x", f"GIT_{role}_EMAIL": "x@example.org"}
    return kept | git | more


def test_the_changelog_is_of_versions() -> None:
    """Unreleased changes, of a version that is to come, then versions with dates, newest first."""
    unreleased, *releases = re.findall(r"(?m)^## (.+)$", CHANGELOG)
    parsed = [
        re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - \d{4}-\d\d-\d\d", release) for release in releases
    ]
    versions = [tuple(map(int, match.groups())) for match in parsed if match is not None]

    assert unreleased == "Unreleased"
    assert len(versions) == len(releases)
    assert versions == sorted(versions, reverse=True)
    changes = CHANGELOG.partition("## Unreleased")[2].partition("\n## ")[0].strip()
    current = tuple(int(part) for part in xenwatch.__version__.split("."))
    assert current > versions[0] if changes else current == versions[0]


def test_an_entry_of_the_changelog_is_a_line() -> None:
    """Below a version stand kinds of changes, below a kind entries of one line, for grep."""
    kinds = re.findall(r"(?m)^### (.+)$", CHANGELOG)
    body = CHANGELOG.partition("\n## ")[2].splitlines()[1:]

    assert set(kinds) <= KINDS
    assert [line for line in body if line and not line.startswith(("- ", "## ", "### "))] == []


def test_the_commands_of_a_release_release(tmp_path: Path) -> None:
    """What the document says, done in a copy, leaves a tag at the origin and a wheel."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    variables = environment(PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="0")
    copied = ["git", "-c", "safe.directory=*", "checkout-index", "--all", f"--prefix={clone}/"]
    subprocess.run(copied, cwd=ROOT, check=True)
    for line in (
        f"init --quiet --bare {origin}",
        f"-C {clone} init --quiet --initial-branch main",
        f"-C {clone} remote add origin {origin}",
        f"-C {clone} add --all",
        f"-C {clone} commit --quiet --message begin",
    ):
        subprocess.run(["git", *line.split()], env=variables, check=True)
    # The environment of these tests, which make takes for made: no network is needed.
    (clone / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (clone / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    for mark in (".created", ".installed", ".test-tools"):
        (clone / ".venv" / mark).touch()
    with (clone / "CHANGELOG.md").open("a") as file:  # what is to be committed
        file.write("- A change.\n")
    lines = [
        command.line
        for command in commands((ROOT / "docs/releasing.md").read_text())
        if command.line not in LONG and not ELSEWHERE & set(command.line.split())
    ]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=clone,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tags = subprocess.check_output(["git", "tag", "--list"], cwd=origin, text=True).split()
    assert f"v{xenwatch.__version__}" in tags
    assert [path.name for path in (clone / "dist").iterdir()] == [
        f"xenwatch-{xenwatch.__version__}-py3-none-any.whl"
    ]
    assert "xenwatch/runbooks/" in done.stdout
    assert "tests/" not in done.stdout


def test_the_hooks_are_the_checks_of_lint(tmp_path: Path) -> None:
    """Before a commit the same is run as by `make lint`, and what it refuses is not committed."""
    makefile = (ROOT / "Makefile").read_text()
    lint = re.search(r"(?m)^lint: ([a-z -]+?)  ##", makefile)
    assert lint is not None
    (tmp_path / ".pre-commit-config.yaml").write_bytes(
        (ROOT / ".pre-commit-config.yaml").read_bytes()
    )
    (tmp_path / "a.py").write_text("")
    program = tmp_path / "bin/make"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$*" >>called\ntest "$*" != check-rules\n')
    program.chmod(0o755)
    scripts = sysconfig.get_path("scripts")
    variables = environment(
        PATH=f"{program.parent}:{os.environ['PATH']}", PRE_COMMIT_HOME=str(tmp_path / "home")
    )

    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, env=variables, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, env=variables, check=True)
    done = subprocess.run(
        [f"{scripts}/pre-commit", "run"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert (tmp_path / "called").read_text().split() == lint[1].split()


def test_the_pythons_are_those_of_ci() -> None:
    """There is a classifier for 3.11, which CI has, and for 3.13, which it runs in Debian 13."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    language = "Programming Language :: Python :: "
    versions = [
        classifier.removeprefix(language)
        for classifier in project["classifiers"]
        if language in classifier
    ]

    assert versions == ["3.11", "3.13"]
    assert "\n.ci/bare-root trixie " in (ROOT / ".ci/run").read_text()


KEPT = ("tests/hosts", "tests/parse/real", "LICENSE")
"""What others wrote is kept byte for byte."""
WRONG = re.compile(r"[ \t\r]$|[^\n]\Z", re.MULTILINE)
"""Blanks at the end of a line, and an end without a newline."""


def test_texts_are_as_editorconfig_has_them() -> None:
    """Lines end without blanks and with a newline, the last one too, and tabs are make's alone."""
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in tracked()}
    offenders = {
        name
        for name, text in texts.items()
        if not name.startswith(KEPT)
        if WRONG.search(text) or (name != "Makefile" and "\n\t" in text)
    }

    assert offenders == set()
