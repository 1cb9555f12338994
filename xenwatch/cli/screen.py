"""A terminal that urwid draws on: lines with styles, keys, clicks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Protocol

import urwid
from urwid.display.raw import Screen

from xenwatch.display.streams import drop_unsent
from xenwatch.terminal.figures import CRITICAL, OK, UNKNOWN_STATE, WARNING
from xenwatch.terminal.lines import BOLD, CHOSEN, CURSOR, DIM, HEAD, NOTICE, Line

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


class AnyTerminal(Screen):
    """A terminal with a size, whatever it reports."""

    def get_cols_rows(self) -> tuple[int, int]:
        """Columns and rows."""
        columns, rows = super().get_cols_rows()
        if columns > 0 and rows > 0:
            return columns, rows
        self.maxrow = FALLBACK[1]
        return FALLBACK


class Drawn(Protocol):
    """What fills a terminal: as many lines as it has, and the key that a click is, if it is one."""

    @property
    def lines(self) -> Sequence[Line]:
        """The lines, from the top."""

    def key_at(self, column: int, row: int) -> str | None:
        """The key that a click there is, if it is one."""


class Board(urwid.Widget):
    """The picture as a widget that fills the terminal."""

    _sizing = frozenset({urwid.Sizing.BOX})
    _selectable = True

    def __init__(self, draw: Callable[[tuple[int, int]], Drawn], key: Callable[[str], None]):
        super().__init__()
        self._draw = draw
        self._key = key
        self._picture: Drawn | None = None

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


def show(command: str, otherwise: str, loop: Callable[[], None]) -> int:
    """Run a loop on the terminal until it is quit. Returns the exit status.

    SIGTERM, SIGHUP and a closed terminal end it too. Raises `TerminalError`.
    """
    _require_terminal(command, otherwise)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_, number=number: sys.exit(128 + number))
    try:
        loop()
    except urwid.InputClosedError:
        return 128 + signal.SIGHUP
    finally:
        drop_unsent(sys.stdout)
    return 0


def _require_terminal(command: str, otherwise: str) -> None:
    if sys.stdin is None or sys.stdout is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError(f"{command} requires a terminal; in scripts: {otherwise}")
    if os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        raise TerminalError(
            f"{command} cannot move the cursor on this terminal (TERM is not set, or dumb or "
            f"unknown); set TERM, such as TERM=vt100, or use {otherwise}"
        )
