"""The moments of a record in a terminal, one at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final

import urwid

from xenwatch.assessment import Assessment, Rules, assess_pass
from xenwatch.cli import limits_table
from xenwatch.cli.configured import rules
from xenwatch.cli.output import headed
from xenwatch.cli.passes import Replayed
from xenwatch.cli.replay_steps import HELP, View, after
from xenwatch.cli.screen import PALETTE, AnyTerminal, Board, show
from xenwatch.config.settings import Settings
from xenwatch.display.text import counted, printable
from xenwatch.fence import Fence
from xenwatch.limits.states import LimitState, Severity
from xenwatch.record.record import Kept, Record
from xenwatch.report.events import summary
from xenwatch.report.timeline import at
from xenwatch.sources.base import SourceError
from xenwatch.status.notices import notices
from xenwatch.terminal.figures import CRITICAL, OK, UNKNOWN_STATE, WARNING
from xenwatch.terminal.lines import BOLD, CURSOR, DIM, Line, fit, line
from xenwatch.values import dataclass

MOST_ALERTS: Final = 6
STYLED: Final = (CRITICAL, WARNING, UNKNOWN_STATE)
"""States whose lines look like them."""
MORE: Final = "~"
"""In place of what a line has no room for."""
_URGENCY: Final = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What fills the terminal; nothing of it is clicked."""

    lines: tuple[Line, ...]

    def key_at(self, column: int, row: int) -> str | None:
        """No key."""
        return None


class _Replay:
    """The moment that is shown, and the loop that shows it."""

    def __init__(
        self, every: Sequence[Kept], first: int, body: Callable[[Kept, int], Sequence[Line]]
    ) -> None:
        self._every = every
        self._spots = [(kept.time, kept.marked) for kept in every]
        self._body = body
        self._view = View(first)
        self._page = 1
        self._board = Board(self._draw, self._press)
        self._loop = urwid.MainLoop(
            self._board, PALETTE, AnyTerminal(), unhandled_input=lambda _: True, pop_ups=False
        )

    def run(self) -> None:
        """Show it until it is quit."""
        self._loop.run()

    def _draw(self, size: tuple[int, int]) -> _Picture:
        self._page = max(1, size[1] // 2)
        lines = _help() if self._view.help else self._body(self._every[self._view.number], size[0])
        return _picture(self._view, self._every, lines, size)

    def _press(self, key: str) -> None:
        self._view = after(self._view, key, self._spots, self._page)
        if self._view.ended:
            raise urwid.ExitMainLoop
        self._board.redraw()


def run(settings: Settings, record: Record, every: Sequence[Kept], first: int, fence: Fence) -> int:
    """Show the moment of that number, and others by keys, until `q`. Returns the exit status.

    Raises `TerminalError`.
    """
    body = functools.lru_cache(maxsize=64)(functools.partial(_body, record, rules(settings), fence))
    return show("replay", "xenwatch replay --list", lambda: _Replay(every, first, body).run())


def _help() -> list[Line]:
    return [line((BOLD, f"{names:<14}"), text) for names, text in HELP]


def _body(record: Record, by: Rules, fence: Fence, kept: Kept, width: int) -> list[Line]:
    """What is shown of a moment: the alerts that fired, and what `xenwatch once` prints.

    In a narrow terminal names of limits are shortened, so that what they use is seen.
    """
    moment = Replayed(record, kept)
    try:
        assessment = moment.judged(assess_pass(moment.then().snapshot, by, fence=fence))
    except SourceError as error:
        return [line((CRITICAL, printable(str(error))))]
    lines = _firing(assessment)
    states = _urgent_first(assessment.states)
    table = limits_table.table(states, assessment.fence, width)
    text = headed(notices(assessment.snapshot), table)
    return [*lines, (), *map(_styled, text.splitlines())]


def _firing(assessment: Assessment) -> list[Line]:
    if assessment.alerts is None:
        return [line((UNKNOWN_STATE, "alerts unknown: not evaluated then"))]
    firing = assessment.alerts.firing
    lines = [
        line((one.severity, f"firing {one.severity}"), f" {summary(one)}")
        for one in firing[:MOST_ALERTS]
    ]
    if len(firing) > MOST_ALERTS:
        lines.append(line((DIM, f"and {counted(len(firing) - MOST_ALERTS, 'more alert')}")))
    return lines or [line((OK, "no alerts firing"))]


def _urgent_first(states: Sequence[LimitState]) -> list[LimitState]:
    """The limits that are not ok before the others."""
    worst: dict[str, int] = {}
    for state in states:
        rank, name = _URGENCY.index(state.severity), state.limit.name
        worst[name] = min(worst.get(name, rank), rank)

    def rank_of(state: LimitState) -> int:
        return worst[state.limit.name]

    return sorted(states, key=rank_of)


def _styled(text: str) -> Line:
    style = next((word for word in STYLED if f" {word} " in f"{text} "), "")
    return line((style, text))


def _picture(
    view: View, every: Sequence[Kept], lines: Sequence[Line], size: tuple[int, int]
) -> _Picture:
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
    empty: list[Line] = [()] * (free - len(shown))
    drawn = [line((CURSOR, head)), *shown, *empty, line((DIM, foot))][:height]
    return _Picture(tuple(fit(one, width, MORE) for one in drawn))
