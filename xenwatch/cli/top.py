"""`xenwatch top`: the status of a host in a terminal."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from xenwatch.cli import daemon_client
from xenwatch.cli.daemon_client import AskError
from xenwatch.cli.output import say

HELP: Final = "Show limits, headroom, alerts and broken VMs in a terminal; q quits."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    daemon_client.add_options(parser)
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=daemon_client.seconds,
        default=5.0,
        help="time between two updates (default: %(default)g)",
    )


def run(options: argparse.Namespace) -> int:
    """Draw until `q` is pressed."""
    try:
        from xenwatch.cli import live_terminal  # noqa: PLC0415 - rich is an extra
    except ModuleNotFoundError as error:
        say(f"top needs {error.name}, which is not installed: {sys.executable} -m pip install rich")
        return 1
    try:
        return live_terminal.run(daemon_client.look(options), options.interval)
    except (live_terminal.TerminalError, AskError) as error:
        say(str(error))
        return 1
