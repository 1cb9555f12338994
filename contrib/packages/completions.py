"""Writes the completions of bash, zsh and fish from the parser.

Run by the bundled interpreter, with shtab: completions.py SHARE.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import shtab  # type: ignore[import-not-found]  # only the build has it

from xenwatch.cli.main import make_parser
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import names

FILES = {"bash": "xenwatch.bash", "zsh": "_xenwatch", "fish": "xenwatch.fish"}
"""The file of each shell."""


VALUES = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "DIRECTORY": shtab.DIRECTORY}
"""What is completed for an argument, by its name in the help."""
KINDS = ("host", "auto", "reader", "synthetic")
"""Sources that are whole words."""
COLONS = {"zsh": "\\:", "fish": ":"}
"""How a shell writes a colon within a word; bash takes it for the end of one."""


def sources(shell: str) -> list[str]:
    """The values of `--source`."""
    colon = COLONS.get(shell)
    hosts = [] if colon is None else [f"synthetic{colon}{name}" for name in (*PRESETS, *names())]
    return [*KINDS, *hosts]


def described(parser: argparse.ArgumentParser, shell: str) -> argparse.ArgumentParser:
    """The parser, told which of its arguments are paths, and which are names of sources."""
    for action in parser._actions:  # noqa: SLF001 - argparse names them no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in dict.fromkeys(action.choices.values()):
                described(command, shell)
        elif action.metavar == "PRESET":
            action.choices = tuple(PRESETS)
        elif action.metavar == "KIND":
            action.choices = sources(shell)
        elif action.type is Path or action.metavar in VALUES:
            action.complete = VALUES.get(str(action.metavar), shtab.DIRECTORY)  # type: ignore[attr-defined]
    return parser


def main(directory: Path) -> None:
    """Write one file for each shell below `directory`."""
    (directory / "completions").mkdir(parents=True, exist_ok=True)
    for shell, name in FILES.items():
        text = shtab.complete(described(make_parser(), shell), shell=shell)
        (directory / "completions" / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
