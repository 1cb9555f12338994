"""The form of an error message in the tables, compiled for matching lines of logs.

In the tables a message is Markdown: what stands between backquotes is what a log or a tool prints,
the rest is for people. Within backquotes `N` is a number, `NAME` a word such as a VM's or a path,
`...` anything; every other character stands for itself, but for case, quotes and the number of
blanks. A message may stand anywhere in a line: what a log puts before it does not matter.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from xenwatch.values import dataclass

LONGEST: Final = 4096
"""Characters of a line that are looked at."""
FORM: Final = (
    "In an error message `N` stands for a number, `NAME` for a name or a path, `...` for anything."
)
"""The form in a sentence, for those who read the tables."""

_CODE: Final = re.compile(r"`([^`]+)`")
_PLACE: Final = re.compile(r"(?<![A-Z])(NAME|N)(?![A-Za-z])")
_PLACES: Final = {
    # Possessive and bounded: a long word is passed over once, not tried at each of its lengths.
    "N": r"(?:0x[0-9a-f]{1,20}+|[0-9][0-9a-f]{0,20}+)",
    "NAME": r"[\w./@+~%<>-]{1,200}+",
}
_QUOTES: Final = str.maketrans(dict.fromkeys("'\"`\u00b4\u2018\u2019\u201c\u201d\\", ""))
_WORD: Final = re.compile(r"\w+(?:[.\-]\w+)*")


def normal(text: str) -> str:
    """A line, or a part of a pattern, without what does not matter: case, quotes, extra blanks."""
    return " ".join(text[:LONGEST].translate(_QUOTES).lower().split())


def plain(markdown: str) -> str:
    """A message of the tables without its backquotes."""
    return markdown.replace("`", "")


def words(text: str) -> frozenset[str]:
    """The words of a text for a search: names, codes and numbers, in lower case."""
    return frozenset(_WORD.findall(normal(text)))


@dataclass(frozen=True, slots=True)
class Pattern:
    """One message: `pieces` follow one another in a line that has `anchor`, its longest literal.

    They are regular expressions, compiled with the first such line: few of them ever are.
    """

    text: str
    pieces: tuple[str, ...]
    anchor: str

    def find(self, line: str) -> tuple[int, int] | None:
        """Where the message stands in a line that is `normal`; `None`: it does not.

        In one pass: each piece is taken at its first place after the piece before.
        """
        if not self.pieces or self.anchor not in line:
            return None
        start, end = -1, 0
        for piece in self.pieces:
            found = _expression(piece).search(line, end)
            if found is None:
                return None
            start, end = found.start() if start < 0 else start, found.end()
        return start, end


class Described(Protocol):
    """What has messages, as entries of the table of error messages and kinds of messages have."""

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """Its messages."""


D = TypeVar("D", bound=Described)


def found_in(line: str, candidates: Iterable[D]) -> tuple[D, ...]:
    """The candidates with a message that stands in the line.

    A message that is a part of a longer one that stands there too is not meant.
    """
    text = normal(line)
    found: list[tuple[int, int, D]] = []
    for each in candidates:
        places = [place for pattern in each.patterns if (place := pattern.find(text))]
        if places:
            start, end = max(places, key=lambda place: place[1] - place[0])
            found.append((start, end, each))
    return tuple(
        each
        for start, end, each in found
        if not any(
            first <= start and end <= last and last - first > end - start
            for first, last, _ in found
        )
    )


@functools.cache
def _expression(piece: str) -> re.Pattern[str]:
    return re.compile(piece)


def patterns(markdown: str) -> tuple[Pattern, ...]:
    """What a log or a tool prints, of a message of the tables: one for each code span."""
    return tuple(_pattern(text) for text in _CODE.findall(markdown))


def _pattern(text: str) -> Pattern:
    literals: list[str] = []
    pieces: list[str] = []
    for part in text.split("..."):
        # Every second one is a place.
        found = [_literal(each) for each in _PLACE.split(part)]
        found[0] = found[0].lstrip()
        found[-1] = found[-1].rstrip()
        literals += found[::2]
        expression = "".join(
            re.escape(each) if place % 2 == 0 else _PLACES[each] for place, each in enumerate(found)
        )
        if expression:
            pieces.append(_whole(expression, found))
    return Pattern(text, tuple(pieces), max((each.strip() for each in literals), key=len))


def _literal(part: str) -> str:
    """A literal as `normal` leaves it, its blanks at the ends kept; a place as it is."""
    if part in _PLACES:
        return part
    before = " " if part[:1].isspace() else ""
    after = " " if part[-1:].isspace() and part.strip() else ""
    return f"{before}{normal(part)}{after}"


def _whole(expression: str, parts: list[str]) -> str:
    """An expression that begins and ends where words do."""
    before = r"(?<!\w)" if parts[0][:1].isalnum() else ""
    after = r"(?!\w)" if parts[-1][-1:].isalnum() else ""
    return f"{before}{expression}{after}"
