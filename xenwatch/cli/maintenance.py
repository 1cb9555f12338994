"""`xenwatch maintenance`: starts and ends maintenance of this host, and shows it."""

from __future__ import annotations

import argparse
import re
import time
from typing import Final

from xenwatch.alerts import maintenance
from xenwatch.alerts.maintenance import FILE_LIMIT, LONGEST, LONGEST_REASON, Maintenance
from xenwatch.cli.configured import configured
from xenwatch.cli.exit_status import FINDING, OK, UNKNOWN, USAGE
from xenwatch.cli.output import write
from xenwatch.cli.parser import Parser
from xenwatch.config import state_file
from xenwatch.config.maintenance_keys import MAINTENANCE_FILE, UNTIL
from xenwatch.config.settings import Settings
from xenwatch.display.say import say
from xenwatch.display.text import printable, shown
from xenwatch.display.why import why

EXITS: Final = {
    OK: "done",
    FINDING: "off: the configuration still puts the host into maintenance",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "the file cannot be read or written, or stdout cannot be written",
}
ACTIONS: Final = ("on", "off", "status")
_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}


def add_options(parser: Parser) -> None:
    """The options of the command."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        help="on: start it or set a new end; off: end it; status: show whether the host is in it",
    )
    parser.add_argument(
        "--for",
        dest="span",
        metavar="TIME",
        type=_span,
        help="on: how long, such as 30m, 2h or 1d; it then ends by itself",
    )
    parser.add_argument("--reason", metavar="TEXT", type=_reason, help="on: reason, shown with it")


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where the file cannot be read or written."""
    if (options.action == "on") != (options.span is not None):
        wrong = "on needs --for" if options.span is None else f"{options.action} takes no --for"
        options.parser.error(f"{wrong}, as in: xenwatch maintenance on --for 2h")
    if options.action != "on" and options.reason is not None:
        options.parser.error(f"{options.action} takes no --reason")
    settings = configured(options)
    path = settings[MAINTENANCE_FILE]
    try:
        if options.action == "on":
            made = Maintenance(time.time() + options.span, options.reason or "")
            # Root writes it, the daemon's user reads it.
            state_file.replace(path, maintenance.dumps(made), state_file.PUBLIC)
        elif options.action == "off":
            state_file.remove(path)
        found = maintenance.current(said(settings), time.time())
    except (OSError, ValueError) as error:
        next_step = f"run as root on the host of the daemon, or set {MAINTENANCE_FILE.path}"
        if isinstance(error, ValueError):
            next_step = "to remove the file, run: xenwatch maintenance off"
        say(f"{path}: {why(error)}; {next_step}")
        return UNKNOWN
    if options.action == "off" and found is not None:
        say(f"still {printable(str(found))}; it is set in the configuration: {UNTIL.path}")
        return FINDING
    return OK if write(printable(str(found or "not in maintenance")) + "\n") else UNKNOWN


def said(settings: Settings) -> tuple[Maintenance, ...]:
    """What the configuration and the file say, ended or not. Raises `OSError`, `ValueError`."""
    in_configuration = settings.maintenance()
    try:
        data = state_file.read(settings[MAINTENANCE_FILE], FILE_LIMIT)
    except FileNotFoundError:
        return in_configuration
    return (*in_configuration, maintenance.loads(data))


def _span(text: str) -> float:
    """Seconds of a time span with its unit."""
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= LONGEST:
        longest = f"{LONGEST / 86400:g}d"
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a time span such as 30m, 2h or 1d, at most {longest}"
        )
    return float(seconds)


def _reason(text: str) -> str:
    if len(text) > LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"must be at most {LONGEST_REASON} characters")
    return text
