"""The command line: a command is a module of this package. stdout is data, stderr is messages."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from xenwatch import __version__
from xenwatch.cli import (
    advise,
    capture,
    check,
    check_config,
    doctor,
    explain,
    maintenance,
    messages,
    once,
    plan,
    reader,
    run,
    scenarios,
    top,
)
from xenwatch.cli.exit_status import FINDING, MEANINGS, OK, UNKNOWN, USAGE, epilog
from xenwatch.cli.options import COMMON, CONFIG_FILE, LOGGING, add_common, refuse_ignored
from xenwatch.cli.parser import Parser
from xenwatch.config.settings import ConfigError
from xenwatch.display.say import say
from xenwatch.display.why import where_and_why
from xenwatch.generate.command import add_parser as add_generate
from xenwatch.sources.base import SourceError


class Command(Protocol):
    """A module of this package that is a command; its name is the command's."""

    __name__: str

    @property
    def HELP(self) -> str:  # noqa: N802 - a constant of the module
        """What it does, in a sentence."""
        ...

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


COMMANDS: Final[tuple[Command, ...]] = (
    run,
    once,
    capture,
    doctor,
    scenarios,
    plan,
    advise,
    check,
    explain,
    top,
    maintenance,
    check_config,
)
"""The commands in the order of the help."""
NO_HOST: Final = (scenarios, maintenance)
"""Those of them that read no host."""
PARTS: Final = (reader, messages)
"""The commands that systemd starts, which read no configuration."""
GENERATE_EXITS: Final = {
    OK: "written, or up to date",
    FINDING: "--check: a file is stale",
    USAGE: "bad usage, configuration rejected, or what dashboards need is not installed",
    UNKNOWN: "a file cannot be read or written",
}
"""The exit statuses of `generate`, which is no module of this package."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    parser = make_parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        getattr(options, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    refuse_ignored(options)
    try:
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
            traceback.print_exc()
        return UNKNOWN
    return status


def make_parser() -> Parser:
    """The parser of the command line, from which manual page and completions are made."""
    parser = Parser(
        prog="xenwatch",
        description="Monitor the limits of a Xen dom0.",
        epilog=f"{epilog(MEANINGS)} check has those of Nagios plugins.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"xenwatch {__version__}")
    add_common(parser)
    commands: Any = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        added: Parser = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=epilog(module.EXITS),
            allow_abbrev=False,
        )
        added.set_defaults(run=module.run, parser=added)
        add_common(added, LOGGING if module in NO_HOST else COMMON)
        module.add_options(added)
    for part in PARTS:
        part.add_parser(commands).set_defaults(takes=frozenset())
    generate = add_generate(commands)
    generate.epilog = epilog(GENERATE_EXITS)
    generate.set_defaults(takes=frozenset([CONFIG_FILE]))
    return parser
