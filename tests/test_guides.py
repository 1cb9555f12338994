"""The guides of docs/install, without the roots in which tests/packages runs their commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.runbooks.layouts import BY_NAME
from tests.shown import GUIDES, ROOT, commands
from tests.tools import tool

CENTOS_7 = {"xcp-ng": "xcp-ng-8.3", "xenserver": "xenserver-8"}
"""Guides for a dom0 with CentOS 7, by the layout that knows its programs."""
LINES = 95
"""An operator reads it while installing."""


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_ends_with_where_its_commands_were_run(path: Path) -> None:
    """Its last section begins with where tests run the commands; all of it is short."""
    text = path.read_text()
    heading, empty, first, *_ = text.rpartition("\n## ")[2].splitlines()

    assert text.startswith("# ")
    assert heading in ("Tested", "Not tested")
    assert empty == ""
    assert first.startswith("Tests run these commands ")
    assert text.count("\n") < LINES + 3


@pytest.mark.parametrize(("guide", "layout"), CENTOS_7.items())
def test_a_guide_uses_what_its_host_has(guide: str, layout: str) -> None:
    """No command of a guide has an option that the programs of CentOS 7 do not know."""
    text = (ROOT / f"docs/install/{guide}.md").read_text()
    unknown = {
        f"{command.line}: {why}"
        for command in commands(text)
        for option, why in BY_NAME[layout].options.items()
        if re.search(option, command.line)
    }

    assert unknown == set()


def test_every_guide_is_found() -> None:
    """The page on operations leads to each guide."""
    text = (ROOT / "docs/operations.md").read_text()

    assert {path.name for path in GUIDES if f"(install/{path.name})" not in text} == set()


def test_shellcheck_accepts_the_stand_ins() -> None:
    """The programs that stand for those of a host leave shellcheck silent."""
    scripts = map(str, (ROOT / "tests/packages/stand-ins").iterdir())
    done = subprocess.run(
        [tool("shellcheck"), *scripts], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")
