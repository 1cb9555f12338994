"""The commands for NRPE: what they print and how they exit, as NRPE's own example has them.

`command[NAME]=LINE`, of which NRPE runs LINE by the shell (sample-config/nrpe.cfg.in).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.checks.installed import installed, stand_in, with_programs
from tests.running import xenwatch
from tests.shown import ROOT

SHORT = 1023
"""Bytes that NRPE before 3 passes on: MAX_PACKETBUFFER_LENGTH less the NUL."""


def definitions(text: str) -> dict[str, str]:
    """The commands of a configuration of NRPE; its other lines are empty or comments."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    matches = [re.fullmatch(r"command\[([A-Za-z0-9_]+)\]=(\S.*)", line) for line in lines]
    assert all(matches), lines
    return {match[1]: match[2] for match in matches if match}


def test_the_commands_are_plugins(tmp_path: Path) -> None:
    """Each prints one line that fits, with the status of the check, by the daemon on this host."""
    file = installed("docs/checks.md", "nrpe/xenwatch.cfg", tmp_path)
    found = definitions(file.read_text())
    with xenwatch("--source", "synthetic:xcp-ng-8.3") as running:
        running.get_ready()
        own = f"{with_programs()['PATH'].split(':')[0]}/xenwatch"
        directory = stand_in(tmp_path / "bin", f'exec {own} "$@" --url {running.url}')
        done = {
            name: subprocess.run(
                ["/bin/sh", "-c", line.replace("/usr/bin/xenwatch", f"{directory}/xenwatch")],
                capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"},
            )
            for name, line in found.items()
        }  # fmt: skip

    assert found.keys() == {"check_xenwatch", "check_xenwatch_vms"}
    for name, plugin in done.items():
        assert re.fullmatch(rb"XENWATCH (OK|WARNING) - [^|\n]+ \| [^|\n]+\n", plugin.stdout), name
        assert plugin.returncode == (b"WARNING" in plugin.stdout)
    assert len(done["check_xenwatch_vms"].stdout) < SHORT < len(done["check_xenwatch"].stdout)


def test_the_document_names_the_commands() -> None:
    """The table of the document has the commands of the file."""
    text = (ROOT / "docs/checks.md").read_text()
    rows = re.findall(r"(?m)^\| `(check_\w+)` \|", text)

    assert rows == list(definitions((ROOT / "contrib/nrpe/xenwatch.cfg").read_text()))


@pytest.mark.parametrize("line", ["command[a b]=/bin/true", "commands[a]=/bin/true", "/bin/true"])
def test_what_is_no_definition_is_noticed(line: str) -> None:
    """A line that NRPE would not take fails these tests."""
    with pytest.raises(AssertionError):
        definitions(line)
