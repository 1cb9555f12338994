"""The screen of `xenwatch top`: urwid draws the picture and reports keys and clicks."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Final

import urwid
from urwid.display.raw import Screen

from xenwatch.cli.top_feed import Feed, FeedError, Taken
from xenwatch.display.text import printable
from xenwatch.fence import Fence
from xenwatch.status.check import OLD
from xenwatch.terminal.figures import CRITICAL, OK, UNKNOWN_STATE, WARNING
from xenwatch.terminal.lines import BOLD, CHOSEN, CURSOR, DIM, HEAD, NOTICE, Line, line
from xenwatch.terminal.picture import Picture, picture
from xenwatch.terminal.state import Action, Do, State, press

PALETTE: Final = (
    (OK, "dark green", "default", ""),
    (WARNING, "brown", "default", "bold"),
    (CRITICAL, "light red,bold", "default", "bold"),
    (UNKNOWN_STATE, "dark magenta", "default", ""),
    (DIM, "default", "default", ""),
    (BOLD, "bold", "default", "bold"),
    (NOTICE, "white,bold", "dark red", "standout"),
    (HEAD, "bold", "default", "bold"),
    (CURSOR, "standout", "default", "standout"),
    (CHOSEN, "bold,underline", "default", "bold,underline"),
)
"""What the styles look like: in colours, and without them."""
FALLBACK: Final = (80, 24)
"""The size of a terminal that does not report its own, as many on a serial line."""
_BUTTON: Final = 1
_WHEEL: Final = {4: "wheel up", 5: "wheel down"}


_Size = tuple[()] | tuple[int] | tuple[int, int]


class TerminalError(Exception):
    """Standard input or output is not a terminal on which a cursor can be moved."""


class _Screen(Screen):
    """A terminal with a size, whatever it reports."""

    def get_cols_rows(self) -> tuple[int, int]:
        columns, rows = super().get_cols_rows()
        if columns > 0 and rows > 0:
            return columns, rows
        self.maxrow = FALLBACK[1]
        return FALLBACK


class _Poll:
    """Takes readings in a thread of its own, which may hang; `tell` is called after each."""

    def __init__(self, feed: Feed, interval: float, tell: Callable[[], None]) -> None:
        self.interval = interval
        self.taken: Taken | None = None
        self.error = ""
        self.paused = False
        self._actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._feed = feed
        self._tell = tell
        threading.Thread(target=self._run, name="top", daemon=True).start()

    def ask(self, action: Action) -> None:
        """Do it as soon as the current reading is done."""
        self._actions.put(action)

    def _run(self) -> None:
        action: Action | None = None
        while True:
            try:
                taken, self.error = self._feed.take(action), ""
                if action is not None or self.taken is None or not self.paused:
                    self.taken = taken
            except FeedError as error:
                self.error = str(error)
            except Exception as error:  # noqa: BLE001 - the screen says so, and goes on
                self.error = f"bug in xenwatch: {type(error).__name__}: {error}"
            self._tell()
            action = self._wait()

    def _wait(self) -> Action | None:
        """The next action, `None` once it is time for an update."""
        while True:
            past = self.taken is not None and self.taken.is_past
            with contextlib.suppress(queue.Empty):
                return self._actions.get(timeout=self.interval)
            if not (past or self.paused):
                return None


class _Board(urwid.Widget):
    """The picture as a widget that fills the terminal."""

    _sizing = frozenset({urwid.Sizing.BOX})
    _selectable = True

    def __init__(self, draw: Callable[[tuple[int, int]], Picture], key: Callable[[str], None]):
        super().__init__()
        self._draw = draw
        self._key = key
        self._picture: Picture | None = None

    def redraw(self) -> None:
        """Redraw the picture as soon as nothing else is pending."""
        self._invalidate()

    def render(self, size: _Size, focus: bool = False) -> urwid.Canvas:
        """The picture as urwid has it: bytes and runs of styles."""
        columns, rows = size if len(size) == 2 else FALLBACK
        self._picture = self._draw((columns, rows))
        texts: list[bytes] = []
        styles: list[list[tuple[Hashable, int]]] = []
        for found in self._picture.lines:
            parts = [(style or None, _encoded(text)) for style, text in found if text]
            texts.append(b"".join(part for _, part in parts))
            styles.append([(style, len(part)) for style, part in parts])
        return urwid.TextCanvas(texts, styles, maxcol=columns, check_width=False)

    def keypress(self, size: _Size, key: str) -> str | None:
        """Every key is one of ours."""
        self._key(key)
        return None

    def mouse_event(  # noqa: PLR0917 - as urwid calls it
        self, size: _Size, event: str, button: int, col: int, row: int, focus: bool
    ) -> bool:
        """A click on a zone of the picture is a key, and so is the wheel."""
        if not event.endswith("mouse press"):
            return False
        key = _WHEEL.get(button)
        if button == _BUTTON and self._picture is not None:
            key = self._picture.key_at(col, row)
        if key is not None:
            self._key(key)
        return key is not None


def _encoded(text: str) -> bytes:
    return text.encode(urwid.util.get_encoding(), errors="replace")


class _Top:
    """What is shown, and the loop that shows it."""

    def __init__(self, feed: Feed, state: State, fence: Fence) -> None:
        self._state = state
        self._fence = fence
        self._plain = urwid.util.get_encoding() != "utf-8"
        self._board = _Board(self._draw, self._press)
        self._screen = _Screen()
        self._loop = urwid.MainLoop(
            self._board, PALETTE, self._screen, unhandled_input=lambda _: True, pop_ups=False
        )
        self._picture: Picture | None = None
        self._pipe = self._loop.watch_pipe(self._news)
        self._poll = _Poll(feed, state.interval, self._wake)

    def run(self) -> None:
        """Show it until it is quit."""
        self._loop.run()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._pipe, b"x")

    def _news(self, _data: bytes) -> bool:
        self._board.redraw()
        return True

    def _draw(self, size: tuple[int, int]) -> Picture:
        taken = self._poll.taken
        look = taken.look if taken is not None else None
        self._picture = picture(
            self._state, look, size, self._note(), plain=self._plain, fence=self._fence
        )
        self._state = self._picture.state
        return self._picture

    def _note(self) -> Line:
        poll, shown = self._poll, self._poll.taken
        if poll.error:
            what = "stale: " if shown is None or not shown.is_past else ""
            return line((CRITICAL, f"{what}{printable(poll.error)}"))
        if shown is None:
            return line((DIM, "waiting for readings ..."))
        if shown.is_past:
            return line((BOLD, "the past: left and right step, b goes to a time, l returns to now"))
        if shown.age > OLD:
            return line((CRITICAL, f"stale: the daemon's readings are {shown.age:.0f} s old"))
        return ()

    def _press(self, key: str) -> None:
        if self._picture is None:
            return
        if self._poll.taken is not None and self._poll.taken.is_past:
            self._poll.error = ""
        self._state, action = press(self._state, key, self._picture.shown)
        self._poll.interval, self._poll.paused = self._state.interval, self._state.paused
        self._board.redraw()
        if action is None:
            return
        if action.do is Do.QUIT:
            raise urwid.ExitMainLoop
        self._poll.ask(action)


def run(feed: Feed, state: State, fence: Fence) -> int:
    """Show what `feed` takes until it is quit. Returns the exit status.

    What raises within `fence` is not drawn. Raises `TerminalError`.
    """
    if sys.stdin is None or sys.stdout is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError("top requires a terminal; in scripts: xenwatch top --batch")
    if os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        raise TerminalError(
            "top cannot move the cursor on this terminal (TERM is not set, or dumb or unknown); "
            "set TERM, such as TERM=vt100, or use xenwatch top --batch"
        )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_, number=number: sys.exit(128 + number))
    try:
        _Top(feed, state, fence).run()
    except urwid.InputClosedError:
        return 128 + signal.SIGHUP
    return 0
