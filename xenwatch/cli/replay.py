"""`xenwatch replay`: the moments of a record, in a terminal or as a list of what happened."""

from __future__ import annotations

import argparse
import bisect
import math
import sys
import time
from typing import Final

from xenwatch.cli.configured import configured
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.faults import Faults
from xenwatch.cli.output import write
from xenwatch.cli.recorded import known, nothing_in, record_of, say_damaged, span_of
from xenwatch.config.settings import Settings
from xenwatch.display.progress import progress
from xenwatch.display.say import say
from xenwatch.record.past import Past
from xenwatch.record.record import Kept, Record
from xenwatch.record.times import FORMS
from xenwatch.report import timeline
from xenwatch.report.events import Event
from xenwatch.report.moments import seen
from xenwatch.report.timeline import Timeline, at

EXITS: Final = {
    OK: "printed, or quit with q",
    USAGE: "bad usage, configuration rejected, or no such record",
    UNKNOWN: "nothing was recorded then, urwid is not installed, or stdout cannot be written",
}
FORMATS: Final = {"text": timeline.text, "json": timeline.document}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--at",
        metavar="TIME",
        help=f"the first moment: {FORMS} (default: the newest; of a list, the oldest)",
    )
    parser.add_argument("--until", metavar="TIME", help="the last moment (default: the newest)")
    parser.add_argument(
        "--list",
        action="store_true",
        help="list what happened, one line per event; implied if stdout is not a terminal",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="format of the list (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Exit status `UNKNOWN` where nothing was recorded in that period."""
    settings = configured(options)
    begin, end = span_of(options, "at", "until")
    record = record_of(options, "at")
    listed = options.list or options.format != "text" or not _is_terminal()
    every = record.kept(begin if listed else -math.inf, end)
    if not every:
        say(nothing_in(record, begin, end))
        say_damaged(record)
        return UNKNOWN
    if listed:
        return _list(options, settings, record, (every[0].time, every[-1].time))
    first = bisect.bisect_right([one.time for one in every], begin) - 1
    return _step_through(settings, record, every, max(0, first) if begin > -math.inf else -1)


def _is_terminal() -> bool:
    """Whether keys can be read, and lines drawn."""
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams)


def _list(
    options: argparse.Namespace, settings: Settings, record: Record, span: tuple[float, float]
) -> int:
    faults, events = Faults(), list[Event]()
    first, last, number = None, None, 0
    with progress("reading the record") as tell:

        def told(past: Past) -> None:
            tell(f"reading the record, {at(past.snapshot.time)}")

        moments = known(record, record.between(*span))
        for one in seen(moments, settings.thresholds(), time.time(), faults.fence, told):
            first, last, number = first or one.past, one.past, number + 1
            events += one.events
    faults.say()
    say_damaged(record)
    if first is None or last is None:
        say(f"{record.path}: every moment in that period is damaged")
        return UNKNOWN
    found = Timeline(
        origin=first.snapshot.origin,
        first=timeline.standing(first),
        moments=number,
        begin=first.snapshot.time,
        end=last.snapshot.time,
        events=events,
    )
    return OK if write(FORMATS[options.format](found)) else UNKNOWN


def _step_through(settings: Settings, record: Record, every: list[Kept], first: int) -> int:
    try:
        from xenwatch.cli import replay_terminal, screen  # noqa: PLC0415 - urwid is an extra
    except ModuleNotFoundError as error:
        say(
            f"replay in a terminal needs {error.name}, which is not installed: {sys.executable} "
            "-m pip install urwid; without it: xenwatch replay --list"
        )
        return UNKNOWN
    faults = Faults()
    try:
        return replay_terminal.run(settings, record, every, first % len(every), faults.fence)
    except screen.TerminalError as error:
        say(str(error))
        return USAGE
    finally:
        faults.say()  # the screen is gone
        say_damaged(record)
