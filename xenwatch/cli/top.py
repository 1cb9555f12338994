"""`xenwatch top`: the status of a host in a terminal."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import seconds
from xenwatch.display.say import say

EXITS: Final = {
    OK: "quit with q",
    USAGE: "bad usage, no terminal, or configuration rejected",
    UNKNOWN: "rich is not installed",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    daemon_request.add_options(parser)
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=seconds(0.1, 600),
        default=5.0,
        help="time between two updates (default: %(default)g)",
    )


def run(options: argparse.Namespace) -> int:
    """Draw until `q` is pressed."""
    if problem := daemon_request.conflict(options):
        say(problem)
        return USAGE
    try:
        from xenwatch.cli import live_terminal  # noqa: PLC0415 - rich is an extra
    except ModuleNotFoundError as error:
        say(f"top needs {error.name}, which is not installed: {sys.executable} -m pip install rich")
        return UNKNOWN
    faults = Faults()
    try:
        look = daemon_client.look(options, fence=faults.fence)
        return live_terminal.run(look, options.interval, faults.fence)
    except live_terminal.TerminalError as error:
        say(str(error))
        return USAGE
    finally:
        faults.say()  # the screen is gone
