"""Lines of a terminal: pieces of text with styles, wrapped and fitted to a width."""

from __future__ import annotations

from typing import Final

from xenwatch.terminal.table import cells, fitted

Piece = tuple[str, str]
"""A style and a text. The styles are the states of limits and those below; empty is none."""
Line = tuple[Piece, ...]

DIM: Final = "dim"
BOLD: Final = "bold"
NOTICE: Final = "notice"
HEAD: Final = "head"
CURSOR: Final = "cursor"
CHOSEN: Final = "chosen"


def line(*pieces: Piece | str) -> Line:
    """A line of pieces, those without a style as they are."""
    return tuple(("", piece) if isinstance(piece, str) else piece for piece in pieces)


def fit(found: Line, width: int, more: str) -> Line:
    """The line in exactly so many cells; `more` stands where it was cut."""
    kept: list[Piece] = []
    room = width
    for number, (style, text) in enumerate(found):
        size = cells(text)
        last = number == len(found) - 1
        if size > room or (
            size == room and not last and any(text for _, text in found[number + 1 :])
        ):
            kept.append((style, fitted(text + more, room, more=more)))
            return tuple(kept)
        kept.append((style, text))
        room -= size
    return (*kept, ("", " " * room)) if room else tuple(kept)


def wrapped(text: str, width: int) -> list[str]:
    """A text as lines of that width, broken at blanks where there are some."""
    lines, left, room = [], text, max(1, width)
    while cells(left) > room:
        head = fitted(left, room).rstrip(" ") or left[:1]
        end = len(head)
        if end < len(left) and left[end] != " " and " " in head.strip():
            end = head.rindex(" ")
        lines.append(left[:end].rstrip())
        left = left[end:].lstrip()
    return [*lines, left]
