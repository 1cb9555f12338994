"""`xenwatch messages`: posts messages to xapi and values to xcp-rrdd for the daemon."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from xenwatch.cli.exit_status import OK, USAGE, epilog
from xenwatch.display.say import say
from xenwatch.messages import server
from xenwatch.messages.helper import Helper
from xenwatch.sockets.passed import PassedError, passed_sockets

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 # argparse names it no other way

NAME: Final = "messages"
EXITS: Final = {
    OK: "stopped by a signal",
    USAGE: "bad usage, or systemd passed no socket",
}


def add_parser(commands: Subparsers, text: str) -> argparse.ArgumentParser:
    """The command, without options: what it does is fixed."""
    note = f"Started by systemd with xenwatch-messages.socket, not by hand. {epilog(EXITS)}"
    parser = commands.add_parser(NAME, help=text, description=text, epilog=note, allow_abbrev=False)
    parser.set_defaults(run=run, parser=parser)
    return parser


def run(_options: argparse.Namespace) -> int:
    """Answer until SIGTERM. Exit status `USAGE` where systemd passed no socket."""
    try:
        passed = passed_sockets(os.environ)
    except PassedError as error:
        say(str(error))
        return USAGE
    if len(passed) != 1:
        say("no socket passed by systemd; run: systemctl start xenwatch-messages.socket")
        return USAGE
    helper = Helper()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.serve(passed[0], helper.answer)
    except SystemExit:
        return OK
    finally:
        helper.close()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
