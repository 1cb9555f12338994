"""What is said on a terminal while something lasts."""

from __future__ import annotations

import io
import re
import threading

from xenwatch.display.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and when the second step was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        done = super().write(text)
        if "probe 2 of 3" in text:
            self.written.set()
        return done


def test_what_lasts_is_said_and_cleared() -> None:
    """After the patience the present step and its time are told; at the end the line is gone."""
    terminal = Terminal()
    with progress("reading", terminal, patience=0.01) as tell:
        tell("probe 2 of 3")
        assert terminal.written.wait(60)

    assert re.search(r"xenwatch: probe 2 of 3, \d+ s so far", terminal.getvalue())
    assert terminal.getvalue().endswith("\r\033[K")


def test_what_is_short_is_not_said() -> None:
    """A command that answers at once is as quiet as without a terminal."""
    terminal = Terminal()
    with progress("reading", terminal, patience=3600):
        pass

    assert terminal.getvalue() == ""


def test_without_a_terminal_nothing_is_said() -> None:
    """A log or a pipe has no line to be rewritten."""
    stream = io.StringIO()
    with progress("reading", stream, patience=0) as tell:
        tell("more")

    assert stream.getvalue() == ""
