"""Writes the manual pages: xenwatch(1) from the parser, xenwatch.toml(5) from the table of keys.

Run by the bundled interpreter: manual.py SHARE; SOURCE_DATE_EPOCH is the date on the pages.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from xenwatch import __version__
from xenwatch.cli.main import make_parser
from xenwatch.config.document import DEFAULT_FILE
from xenwatch.config.key import Key
from xenwatch.config.keys import KEYS
from xenwatch.generate.configuration import toml

HIDDEN = argparse.SUPPRESS


def roff(text: str) -> str:
    """Text in which roff sees neither requests nor escapes."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in escaped.split("\n"))


def header(name: str, section: int, title: str, epoch: int) -> list[str]:
    """The title line and the section NAME."""
    date = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    return [
        f'.TH {name.upper()} {section} {date} "xenwatch {__version__}"',
        ".SH NAME",
        roff(f"{name} - {title}"),
    ]


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What a parser takes besides commands and --help."""
    for action in parser._actions:  # noqa: SLF001 - argparse names them no other way
        if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction):  # noqa: SLF001
            yield action


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def option(action: argparse.Action, parser: argparse.ArgumentParser) -> list[str]:
    """An option or an argument with its help."""
    formatter = parser._get_formatter()  # noqa: SLF001
    names = formatter._format_action_invocation(action)  # noqa: SLF001
    text = "" if action.help in {None, HIDDEN} else formatter._expand_help(action)  # noqa: SLF001
    return [".TP", f".B {roff(names)}", roff(text)]


def usage(parser: argparse.ArgumentParser, own: list[argparse.Action]) -> str:
    """The usage of a command with its own options, on one line."""
    formatter = parser._get_formatter()  # noqa: SLF001
    formatter.add_usage(None, own, parser._mutually_exclusive_groups, "")  # noqa: SLF001
    return " ".join(formatter.format_help().split())


def command_page(parser: argparse.ArgumentParser, epoch: int) -> str:
    """xenwatch(1)."""
    common = {action.dest for action in options_of(parser)}
    lines = header("xenwatch", 1, str(parser.description).rstrip("."), epoch)
    lines += [".SH SYNOPSIS", ".B xenwatch", roff("[OPTION...] COMMAND [OPTION...]")]
    lines += [".SH OPTIONS", "These may be given before the command or after it."]
    for action in options_of(parser):
        lines += option(action, parser)
    lines += [".SH COMMANDS"]
    for name, command in commands_of(parser).items():
        lines += [f".SS {roff(name)}", roff(str(command.description or "")), ".PP"]
        own = [action for action in options_of(command) if action.dest not in common]
        lines += [f".B {roff(usage(command, own))}"]
        for action in own:
            lines += option(action, command)
        if command.epilog:
            lines += [".PP", roff(command.epilog)]
    lines += [".SH EXIT STATUS", roff(str(parser.epilog))]
    lines += [".SH FILES", ".TP", f".I {DEFAULT_FILE}", "the configuration"]
    lines += [".SH SEE ALSO", ".BR xenwatch.toml (5)"]
    return "\n".join(line for line in lines if line) + "\n"


def configuration_page(keys: Iterable[Key[Any]], epoch: int) -> str:
    """xenwatch.toml(5)."""
    lines = header("xenwatch.toml", 5, "configuration of xenwatch", epoch)
    lines += [".SH DESCRIPTION", f"xenwatch reads {DEFAULT_FILE}, a file of TOML."]
    lines += ["Every key is optional.", "An option of the command line overrides the file."]
    lines += [f"{roff('xenwatch check-config')} reports unknown keys and invalid values."]
    for section, group in itertools.groupby(keys, lambda key: key.section):
        lines += [f".SH {roff(f'[{section}]')}"]
        for key in group:
            told = f"{key.type}, default {toml(key.default)}"
            lines += [".TP", f".BR {roff(key.name)} {roff(quoted(f' ({told})'))}"]
            lines += [roff(key.description)]
            if key.flag:
                lines += [f"Option: {roff(key.flag)}."]
            if key.restart:
                lines += ["A change takes effect after a restart."]
    lines += [".SH SEE ALSO", ".BR xenwatch (1)"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Text as one argument of a request of roff(7)."""
    return '"' + text.replace('"', '""') + '"'


def main(directory: Path, epoch: int) -> None:
    """Write both pages, compressed, below `directory`."""
    pages = {
        "man1/xenwatch.1": command_page(make_parser(), epoch),
        "man5/xenwatch.toml.5": configuration_page(KEYS, epoch),
    }
    for name, text in pages.items():
        path = directory / "man" / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(os.environ["SOURCE_DATE_EPOCH"]))
