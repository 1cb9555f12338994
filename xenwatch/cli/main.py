"""The command line: a command is a module of this package. stdout is data, stderr is messages."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol, cast

from xenwatch import __version__
from xenwatch.cli.commands import HELP
from xenwatch.cli.exit_status import FINDING, MEANINGS, OK, UNKNOWN, USAGE, epilog
from xenwatch.cli.options import COMMON, CONFIG_FILE, add_common, refuse_ignored
from xenwatch.cli.parser import Parser
from xenwatch.config.common_keys import LOGGING, SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.display.say import say
from xenwatch.display.why import where_and_why
from xenwatch.sources.base import SourceError


class Command(Protocol):
    """A module of this package that is a command; its name is the command's."""

    @property
    def EXITS(self) -> Mapping[int, str]:  # noqa: N802 - a constant of the module
        """The exit statuses it can have, each with its meaning."""
        ...

    def add_options(self, parser: Parser, /) -> None:
        """Add the options that are its own."""
        ...

    def run(self, options: argparse.Namespace, /) -> int:
        """Run it. Returns the exit status."""
        ...


NO_SOURCE: Final = {
    **dict.fromkeys(("check", "explain", "top"), "none; a daemon is queried"),
}
"""What the commands do without a source that do not read the host then."""
RECORDS: Final = ("replay", "report")
"""Commands that read a record, and no host."""
RECORD_HELP: Final = (
    "the record: record[:PATH], a directory or one of its files (default: record, the one of the "
    "service)"
)
"""The source of these."""
NO_HOST: Final = ("scenarios", "maintenance")
"""Commands that read no host."""
PARTS: Final = ("reader", "messages")
"""The commands that systemd starts, which read no configuration."""
GENERATE: Final = "generate"
GENERATE_EXITS: Final = {
    OK: "written, or up to date",
    FINDING: "--check: a file is stale",
    USAGE: "bad usage, configuration rejected, or what dashboards need is not installed",
    UNKNOWN: "a file cannot be read or written",
}
"""The exit statuses of `generate`, which is no module of this package."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        parser = make_parser(words)
        options, unknown = parser.parse_known_args(words)
        if unknown:
            getattr(options, "parser", parser).unrecognized(unknown)
        refuse_ignored(options)
        status: int = options.run(options)
    except ConfigError as error:
        say(*error.problems)
        return USAGE
    except (SourceError, OSError) as error:
        say(where_and_why(error))
        return UNKNOWN
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - Python's own status, 1, would be a finding
        if sys.stderr is not None:  # else Python prints to stdout, which is data
            import traceback  # noqa: PLC0415 - hardly ever

            traceback.print_exc()
        return UNKNOWN
    return status


def make_parser(words: Collection[str] | None = None) -> Parser:
    """The parser of the command line, from which manual page and completions are made.

    With `words` it knows the options of the commands among them alone, and imports no others.
    """
    parser = Parser(
        prog="xenwatch",
        description="Monitor the limits of a Xen dom0.",
        epilog=f"{epilog(MEANINGS)} check uses those of Nagios plugins.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"xenwatch {__version__}")
    add_common(parser)
    commands: Any = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in HELP.items():
        if words is not None and name not in words:
            commands.add_parser(name, help=text)  # for the list of commands
        elif name in (*PARTS, GENERATE):
            _add_whole(commands, name, text)
        else:
            _add(commands, name, text)
    return parser


def command_module(name: str) -> Any:
    """The module of a command, imported now."""
    if name == GENERATE:
        return importlib.import_module("xenwatch.generate.command")
    return importlib.import_module(f"xenwatch.cli.{name.replace('-', '_')}")


def _add(commands: Any, name: str, text: str) -> None:
    """Add a command with the options that it has in common with others, and its own."""
    module = cast(Command, command_module(name))
    added: Parser = commands.add_parser(
        name, help=text, description=text, epilog=epilog(module.EXITS), allow_abbrev=False
    )
    added.set_defaults(run=module.run, parser=added)
    keys = (SOURCE, *LOGGING) if name in RECORDS else LOGGING if name in NO_HOST else COMMON
    text = RECORD_HELP if name in RECORDS else ""
    add_common(added, keys, source=NO_SOURCE.get(name, ""), source_help=text)
    module.add_options(added)


def _add_whole(commands: Any, name: str, text: str) -> None:
    """Add a command that makes its parser itself."""
    added: Parser = command_module(name).add_parser(commands, text)
    takes = [CONFIG_FILE] if name == GENERATE else []
    added.set_defaults(takes=frozenset(takes))
    if name == GENERATE:
        added.epilog = epilog(GENERATE_EXITS)
