"""`xenwatch top`: a host in a terminal, or printed every few seconds."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Mapping
from typing import Final

from xenwatch.cli import daemon_request
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.option_values import between, seconds
from xenwatch.cli.output import write
from xenwatch.cli.top_feed import Feed, FeedError
from xenwatch.display.say import say
from xenwatch.display.text import hint, shown
from xenwatch.fence import Fence
from xenwatch.terminal import batch
from xenwatch.terminal.state import LONGEST, SHORTEST, Action, Do, State
from xenwatch.terminal.table import Sort
from xenwatch.terminal.views import BY_NAME, VIEWS, View

EXITS: Final = {
    OK: "quit with q or F10, or --batch printed all",
    USAGE: "bad usage, no terminal, or configuration rejected",
    UNKNOWN: "urwid is not installed; --batch: no readings, or stdout cannot be written",
}
_BATCH_ONLY: Final = ("iterations", "format")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    daemon_request.add_options(parser)
    parser.add_argument(
        *("-d", "--delay", "--interval"),
        dest="interval",
        metavar="SECONDS",
        type=seconds(SHORTEST, LONGEST),
        default=5.0,
        help="time between updates (default: %(default)g)",
    )
    parser.add_argument(
        "--view",
        choices=BY_NAME,
        help="the view to begin with (default: limits; with --batch domains)",
    )
    parser.add_argument(
        "--sort", metavar="COLUMN", help="sort by this column: its header, or its name in JSON"
    )
    parser.add_argument("--reverse", action="store_true", help="reverse the order")
    parser.add_argument(
        "--filter", metavar="TEXT", default="", help="show only rows that contain this text"
    )
    parser.add_argument(
        "-b", "--batch", action="store_true", help="print instead; needs no terminal"
    )
    parser.add_argument(
        *("-n", "--iterations"),
        metavar="N",
        type=between(1, 10**9),
        help="with --batch: print this many times (default: until interrupted)",
    )
    parser.add_argument(
        "--format",
        choices=("plain", "json"),
        help="with --batch: a table (default), or every view as one line of JSON",
    )


def run(options: argparse.Namespace) -> int:
    """Draw until `q` is pressed, or print."""
    view = BY_NAME[options.view or ("domains" if options.batch else "limits")]
    if problem := daemon_request.conflict(options) or _problem(options, view):
        say(problem)
        return USAGE
    faults = Faults()
    sort = Sort(_columns(view).get((options.sort or "").casefold(), ""), options.reverse)
    try:
        if options.batch:
            return _print(options, view, sort, faults.fence)
        return _draw(options, view, sort, faults.fence)
    finally:
        faults.say()  # the screen is gone


def _problem(options: argparse.Namespace, view: View) -> str:
    """What is wrong with the options of the command."""
    for name in _BATCH_ONLY:
        if getattr(options, name) is not None and not options.batch:
            return f"--{name} requires --batch"
    columns = _columns(view)
    if options.sort is not None and options.sort.casefold() not in columns:
        names = sorted(set(columns.values()))
        near = hint(options.sort, columns) or f"; it has {', '.join(names)}"
        return f"--sort: {view.name} has no column {shown(options.sort)}{near}"
    return ""


def _columns(view: View) -> Mapping[str, str]:
    """The names of the columns that can be sorted by, by name and by title in lower case."""
    drawn = [column for column in view.columns if column.title]
    return {c.title.casefold(): c.name for c in drawn} | {c.name: c.name for c in drawn}


def _print(options: argparse.Namespace, view: View, sort: Sort, fence: Fence) -> int:
    """Print until there have been as many as asked for, or stdout is closed."""
    feed = Feed(options, fence)
    action: Action | None = None
    for number in itertools.count(1):
        try:
            look = feed.take(action).look
        except FeedError as error:
            if number > 1 and feed.is_recorded:
                return OK  # that was the newest moment
            say(str(error))
            if number in {1, options.iterations}:
                return UNKNOWN
        else:
            if options.format == "json":
                views = (view,) if options.view else VIEWS
                text = batch.document(look, views, sort, options.filter, fence)
            else:
                text = ("\n" if number > 1 else "") + batch.text(
                    look, view, sort, options.filter, fence
                )
            if not write(text):
                return UNKNOWN
        if number == options.iterations:
            return OK
        if feed.is_recorded:
            action = Action(Do.LATER)
        else:
            time.sleep(options.interval)
    return OK


def _draw(options: argparse.Namespace, view: View, sort: Sort, fence: Fence) -> int:
    try:
        from xenwatch.cli import live_terminal, screen  # noqa: PLC0415 - urwid is an extra
    except ModuleNotFoundError as error:
        say(
            f"top needs {error.name}, which is not installed: {sys.executable} -m pip install "
            "urwid; without it: xenwatch top --batch"
        )
        return UNKNOWN
    state = State(
        interval=options.interval,
        view=VIEWS.index(view),
        sorts={view.name: sort},
        filter=options.filter,
    )
    try:
        return live_terminal.run(Feed(options, fence), state, fence)
    except screen.TerminalError as error:
        say(str(error))
        return USAGE
