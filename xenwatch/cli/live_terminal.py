"""The status of a host in a terminal, redrawn until `q` is pressed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from xenwatch.cli.daemon_client import Answer
from xenwatch.cli.daemon_request import AskError
from xenwatch.cli.status_lines import draw
from xenwatch.display.text import printable
from xenwatch.fence import OPEN, Fence
from xenwatch.sources.base import SourceError
from xenwatch.status.check import OLD

TICK: Final = 0.25
"""Seconds between two checks of keys, news and the size of the terminal."""


class TerminalError(Exception):
    """Standard input or output is not a terminal."""


class Watch:
    """Polls in a thread of its own; `answer` and `error` are the newest."""

    def __init__(self, look: Callable[[], Answer], interval: float) -> None:
        self.answer: Answer | None = None
        self.error = ""
        self.looks = 0
        self._look = look
        self._interval = interval
        threading.Thread(target=self._run, name="top", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.answer, self.error = self._look(), ""
            except (AskError, SourceError, OSError) as error:
                self.error = str(error)
            except Exception as error:  # noqa: BLE001 - the screen says so, and goes on
                self.error = f"bug in xenwatch: {type(error).__name__}: {error}"
            self.looks += 1
            pause.wait(self._interval)


def run(look: Callable[[], Answer], interval: float, fence: Fence = OPEN) -> int:
    """Draw what `look` finds every `interval` seconds until `q`. Returns the exit status.

    What raises within `fence` is not drawn. Raises `TerminalError`.
    """
    console = Console()
    if sys.stdin is None or not (sys.stdin.isatty() and console.is_terminal):
        raise TerminalError("top requires a terminal; in scripts use xenwatch once")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    watch = Watch(look, interval)
    drawn: object = None
    with _keys() as quits, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            now = (watch.looks, console.size)
            if now != drawn:
                live.update(_picture(watch, console, interval, fence), refresh=True)
                drawn = now
            if quits():
                return 0


def _picture(watch: Watch, console: Console, interval: float, fence: Fence) -> Group:
    width, height = console.size
    plain = console.options.ascii_only
    note = Text(f"q quits; every {interval:g} s", "dim")
    answer = watch.answer
    if watch.error:
        note = Text(f"stale: {printable(watch.error)}", "bold red")
    elif answer is not None and answer.age > OLD:
        note = Text(f"stale: the daemon's readings are {answer.age:.0f} s old", "bold red")
    elif answer is None:
        note = Text("waiting for readings ...", "dim")
    note.truncate(width, overflow="crop")
    if answer is None:
        return Group(note)
    return Group(draw(answer.status, width, height, plain=plain, fence=fence), note)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], bool]]:
    """Take keys as they are pressed; the value waits a tick and says whether one of them quits."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def quits() -> bool:
        ready, _, _ = select.select([descriptor], [], [], TICK)
        if not ready:
            return False
        keys = os.read(descriptor, 64)
        return not keys or b"q" in keys.lower()

    tty.setcbreak(descriptor)
    try:
        yield quits
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
