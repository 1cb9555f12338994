"""The moments of a record in a terminal, one at a time."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.cli import limits_table
from xenwatch.cli.configured import rules
from xenwatch.cli.output import headed
from xenwatch.cli.passes import Replayed
from xenwatch.cli.replay_steps import HELP, View, after, keys
from xenwatch.config.settings import Settings
from xenwatch.display.text import counted, printable
from xenwatch.fence import Fence
from xenwatch.limits.states import LimitState, Severity
from xenwatch.record.record import Kept, Record
from xenwatch.report.events import summary
from xenwatch.report.timeline import at
from xenwatch.sources.base import SourceError
from xenwatch.status.notices import notices

TICK: Final = 0.25
"""Seconds between two looks at the size of the terminal."""
MOST_ALERTS: Final = 6
STYLES: Final = {"critical": "bold red", "warning": "yellow", "unknown": "magenta"}
_URGENCY: Final = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)


def run(settings: Settings, record: Record, every: Sequence[Kept], first: int, fence: Fence) -> int:
    """Show the moment of that number, and others by keys, until `q`. Returns the exit status."""
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    body = functools.lru_cache(maxsize=64)(functools.partial(_body, record, rules(settings), fence))
    view, drawn = View(first), None
    spots = [(kept.time, kept.marked) for kept in every]
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while not view.ended:
            width, height = console.size
            if (view, width, height) != drawn:
                lines = _help() if view.help else body(every[view.number])
                live.update(_picture(view, every, lines, (width, height)), refresh=True)
                drawn = (view, width, height)
            for key in pressed():
                view = after(view, key, spots, max(1, height // 2))
    return 0


def _help() -> list[Text]:
    return [Text.assemble((f"{names:<14}", "bold"), text) for names, text in HELP]


def _body(record: Record, by: Rules, fence: Fence, kept: Kept) -> list[Text]:
    """What is shown of a moment: the alerts that fired, and what `xenwatch once` prints."""
    moment = Replayed(record, kept)
    try:
        assessment = moment.judged(assess_pass(moment.then().snapshot, by, fence=fence))
    except SourceError as error:
        return [Text(printable(str(error)), "bold red")]
    lines = _firing(assessment)
    states = _urgent_first(assessment.states)
    text = headed(notices(assessment.snapshot), limits_table.table(states, assessment.fence))
    return [*lines, Text(), *map(_styled, text.splitlines())]


def _firing(assessment: Assessment) -> list[Text]:
    if assessment.alerts is None:
        return [Text("alerts unknown: not evaluated then", "magenta")]
    firing = assessment.alerts.firing
    lines = [
        Text.assemble((f"firing {one.severity}", STYLES.get(one.severity, "")), f" {summary(one)}")
        for one in firing[:MOST_ALERTS]
    ]
    if len(firing) > MOST_ALERTS:
        lines.append(Text(f"and {counted(len(firing) - MOST_ALERTS, 'more alert')}", "dim"))
    return lines or [Text("no alerts firing", "green")]


def _urgent_first(states: Sequence[LimitState]) -> list[LimitState]:
    """The limits that are not ok before the others."""
    worst: dict[str, int] = {}
    for state in states:
        rank, name = _URGENCY.index(state.severity), state.limit.name
        worst[name] = min(worst.get(name, rank), rank)

    def rank_of(state: LimitState) -> int:
        return worst[state.limit.name]

    return sorted(states, key=rank_of)


def _styled(line: str) -> Text:
    style = next((style for word, style in STYLES.items() if f" {word} " in f"{line} "), "")
    return Text(line, style)


def _picture(
    view: View, every: Sequence[Kept], lines: Sequence[Text], size: tuple[int, int]
) -> Group:
    width, height = size
    kept = every[view.number]
    marked = ", an alert changed" if kept.marked else ""
    head = f"{at(kept.time)}  moment {view.number + 1} of {len(every)}{marked}"
    free = max(1, height - 2)
    scrolled = min(view.scrolled, max(0, len(lines) - free))
    shown = list(lines[scrolled : scrolled + free])
    left = len(lines) - scrolled - len(shown)
    more = f"; {counted(left, 'more line')}: j" if left else ""
    foot = view.said or f"? help, q quits{more}"
    drawn = [Text(head, "bold reverse"), *shown, Text(foot, "dim")]
    for line in drawn:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis")
    return Group(*drawn)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], list[str]]]:
    """Take keys as they are pressed; the value waits a tick and returns those of it."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> list[str]:
        ready, _, _ = select.select([descriptor], [], [], TICK)
        if not ready:
            return []
        found = os.read(descriptor, 64)
        return list(keys(found.decode(errors="replace"))) if found else ["q"]

    tty.setcbreak(descriptor)
    try:
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
