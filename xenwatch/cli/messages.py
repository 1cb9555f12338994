"""`xenwatch messages`: posts messages to xapi and values to xcp-rrdd for the daemon."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType
from typing import NoReturn

from xenwatch.cli.exit_status import OK, USAGE
from xenwatch.cli.options import Parser
from xenwatch.cli.output import say
from xenwatch.messages import server
from xenwatch.messages.helper import Helper

HELP = "Post alerts to xapi and values to xcp-rrdd for a daemon that is not root."
EXITS = {
    OK: "stopped by a signal",
    USAGE: "bad usage, or systemd passed no socket",
}


def add_options(parser: Parser) -> None:
    """No options: what it does is fixed."""
    parser.epilog = "Started by systemd with xenwatch-messages.socket, not by hand."


def run(options: argparse.Namespace) -> int:
    """Answer until SIGTERM. Exit status `USAGE` where systemd passed no socket."""
    listener = server.inherited(os.environ)
    if listener is None:
        say("no socket passed by systemd; run: systemctl start xenwatch-messages.socket")
        return USAGE
    helper = Helper()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.serve(listener, helper.answer)
    except SystemExit:
        return OK
    finally:
        helper.close()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
