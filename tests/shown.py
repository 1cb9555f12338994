"""The commands that the documents show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNBOOKS = sorted((ROOT / "contrib/runbooks").glob("*.md"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *RUNBOOKS])
CHANGING = re.compile(
    r"\bsysctl -w\b|>\s*/(?!dev/null)|--nofile=|\bset-property\b|\b(?:modprobe|insmod|mount)\b"
    r"|\bsystemctl (?:restart|reload|enable|disable|stop|start|edit)\b|\bxl (?!list|info|dmesg)"
)
"""What changes the machine of whoever runs the command."""
SETTINGS = re.compile(r"\bsysctl -w\b|>\s*/(?:etc/sysctl\.d|sys)/|--nofile=")
"""What changes a setting of dom0's kernel or of a process."""


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


def texts() -> dict[str, str]:
    """Every document by its path in the repository."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in DOCUMENTS}


def mitigations() -> list[str]:
    """The commands of the runbooks that change settings of dom0, in the order of the files."""
    shown = [command.line for path in RUNBOOKS for command in commands(path.read_text())]
    return [line for line in dict.fromkeys(shown) if SETTINGS.search(line)]
