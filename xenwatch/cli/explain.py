"""`xenwatch explain`: from an error message, or a log, to the resource, headroom and runbook."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from xenwatch.alerts.runbooks import DIRECTORY
from xenwatch.cli import daemon_client, daemon_request
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.output import write
from xenwatch.config.errors import ConfigError
from xenwatch.display.say import say
from xenwatch.display.text import counted, printable, shown
from xenwatch.display.why import where_and_why
from xenwatch.errors.pattern import LONGEST, plain
from xenwatch.explain.search import matches, with_words
from xenwatch.explain.table import Entry
from xenwatch.sources.base import SourceError
from xenwatch.status import limit_words
from xenwatch.status.host_status import HostStatus
from xenwatch.values import dataclass

EXITS: Final = {
    OK: "explained",
    USAGE: "bad usage",
    UNKNOWN: "the message is not known, or stdout cannot be written",
}
MOST_SHOWN: Final = 200
"""Characters of a log's line that are printed."""


@dataclass(slots=True)
class Seen:
    """An entry with the lines that are about it: how many, and the first."""

    entry: Entry
    lines: int
    first: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "message",
        metavar="STRING",
        nargs="*",
        help="error message, or words to search for; none, or -: a log on stdin",
    )
    parser.add_argument(
        "--no-headroom",
        action="store_true",
        help="explain only: ask no daemon and make no pass",
    )
    daemon_request.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where nothing is known of the message."""
    problem = daemon_request.conflict(options)
    if options.no_headroom and (asked := daemon_request.asked(options)):
        problem = f"--no-headroom and {asked[0]} are mutually exclusive"
    if problem:
        say(problem)
        return USAGE
    message = " ".join(options.message)
    log = message in ("", "-")
    found = _in_log(_stdin()) if log else _in_log(message.splitlines())
    if not found and not log:
        found = [Seen(entry, 0, "") for entry in with_words(message)]
        if found:
            say(f"{shown(message)} is not a known message; these contain its words:")
    if not found:
        what = "the input" if log else shown(message)
        say(f"no known message in {what}; the list is {DIRECTORY / 'errors.md'}")
        return UNKNOWN
    status = None if options.no_headroom else _status(options, [seen.entry for seen in found])
    text = "\n".join(_text(seen, status, log=log) for seen in found)
    return OK if write(text) else UNKNOWN


def _in_log(lines: Iterable[str]) -> list[Seen]:
    """What is known of the lines, by entry, in the order of the first line of each."""
    found: dict[str, Seen] = {}
    for line in lines:
        for entry in matches(line):
            seen = found.setdefault(entry.messages, Seen(entry, 0, line))
            seen.lines += 1
    return list(found.values())


def _stdin() -> Iterator[str]:
    """The lines of stdin, longer ones in parts."""
    if sys.stdin is None:
        return
    if sys.stdin.isatty():
        say("reading a log from stdin; Ctrl-D ends it")
    while line := sys.stdin.buffer.readline(LONGEST):
        yield line.decode(errors="replace")


def _status(options: argparse.Namespace, entries: Iterable[Entry]) -> HostStatus | None:
    """The status of the host, asked for only if a limit is among what was found."""
    if not any(entry.limit for entry in entries):
        return None
    faults = Faults()
    try:
        return daemon_client.look(options, fence=faults.fence)().status
    except (AskError, ConfigError, SourceError, OSError) as error:
        say(f"headroom unknown: {where_and_why(error)}")
        return None
    finally:
        faults.say()


def _text(seen: Seen, status: HostStatus | None, *, log: bool) -> str:
    entry = seen.entry
    rows = [("meaning", plain(entry.meaning))]
    if status is not None and entry.limit:
        rows.append(("headroom", limit_words.headroom(entry.limit, status)))
    if entry.look:
        rows.append(("look at", plain(entry.look)))
    if entry.runbook:
        rows.append(("runbook", str(DIRECTORY / entry.runbook)))
    if log:
        first = printable(seen.first.strip()[:MOST_SHOWN])
        rows.append(("in the log", f"{counted(seen.lines, 'line')}, first: {first}"))
    lines = [
        plain(entry.messages),
        *(f"  {name + ':':<12}{printable(text)}" for name, text in rows),
    ]
    return "".join(f"{line}\n" for line in lines)
