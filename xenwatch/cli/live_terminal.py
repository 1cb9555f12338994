"""The screen of `xenwatch top`: urwid draws the picture and reports keys and clicks."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable

import urwid

from xenwatch.cli.screen import PALETTE, AnyTerminal, Board, show
from xenwatch.cli.top_feed import Feed, FeedError, Taken
from xenwatch.display.text import printable
from xenwatch.fence import Fence
from xenwatch.status.check import OLD
from xenwatch.terminal.figures import CRITICAL
from xenwatch.terminal.lines import BOLD, DIM, Line, line
from xenwatch.terminal.picture import Picture, picture
from xenwatch.terminal.state import Action, Do, State, press


class _Poll:
    """Takes readings in a thread of its own, which may hang; `tell` is called after each.

    `error` is why the last try failed; then what is shown `is_stale` unless a key led nowhere.
    """

    def __init__(self, feed: Feed, interval: float, tell: Callable[[], None]) -> None:
        self.interval = interval
        self.taken: Taken | None = None
        self.error = ""
        self.is_stale = False
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
            stale = action is None and self.taken is not None and not self.taken.is_past
            try:
                taken, self.error = self._feed.take(action), ""
                if action is not None or self.taken is None or not self.paused:
                    self.taken = taken
            except FeedError as error:
                self.error, self.is_stale = str(error), stale
            except Exception as error:  # noqa: BLE001 - the screen says so, and goes on
                reason = f"bug in xenwatch: {type(error).__name__}: {error}"
                self.error, self.is_stale = reason, stale
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


class _Top:
    """What is shown, and the loop that shows it."""

    def __init__(self, feed: Feed, state: State, fence: Fence) -> None:
        self._state = state
        self._fence = fence
        self._plain = urwid.util.get_encoding() != "utf-8"
        self._board = Board(self._draw, self._press)
        self._screen = AnyTerminal()
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
            what = "stale: " if poll.is_stale else ""
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
    return show("top", "xenwatch top --batch", lambda: _Top(feed, state, fence).run())
