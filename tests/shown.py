"""The commands that the documents show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNBOOKS = sorted((ROOT / "contrib/runbooks").glob("*.md"))
ROLE = ROOT / "contrib/ansible/roles/xenwatch/README.md"
MANUALS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROLE])
"""The documents that are no runbook; tests/runbooks runs the commands of those."""
GUIDES = sorted((ROOT / "docs/install").glob("*.md"))
"""The installation on each platform; tests/packages runs their commands in order."""
DOCUMENTS = sorted([*MANUALS, *RUNBOOKS])
CHANGING = re.compile(
    r"\bsysctl -w\b|>\s*/(?!dev/null)|--nofile=|\bset-property\b|\b(?:modprobe|insmod|mount)\b"
    r"|\bsystemctl (?:restart|reload|enable|disable|stop|start|edit)\b|\bxl (?!list|info|dmesg)"
)
"""What changes the machine of whoever runs the command."""


@dataclass(frozen=True)
class Command:
    """A command as a document shows it; `output` is empty where none is shown."""

    line: str
    output: str


def commands(text: str) -> list[Command]:
    """The commands of a document, from its fenced blocks."""
    found: list[Command] = []
    for kind, body in re.findall(r"(?ms)^```(sh|console)\n(.*?)^```$", text):
        if kind == "sh":
            lines = body.replace("\\\n", " ").splitlines()
            found += [Command(line, "") for line in lines if line and not line.startswith("#")]
        else:
            parts = re.split(r"(?m)^\$ (.*)\n", body)
            found += [Command(*pair) for pair in zip(parts[1::2], parts[2::2], strict=True)]
    return found


def texts(paths: Sequence[Path] = DOCUMENTS) -> dict[str, str]:
    """Documents by their path in the repository, by default every one."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}
