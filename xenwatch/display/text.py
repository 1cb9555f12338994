"""Text in messages: made printable, shortened, with suggestions for misspelt names."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from datetime import date, time
from typing import Final

MOST_ITEMS: Final = 6
"""Items of an array that are shown."""
_USER_INFO: Final = re.compile(r"(?<=://)[^/\s]*@")


def printable(text: str) -> str:
    r"""One line fit for a terminal or a log: control characters and the like as escapes (`\n`)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def counted(number: int, thing: str) -> str:
    """How many there are of a thing: `1 domain`, `2 domains`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def shown(value: object) -> str:
    """A value as TOML has it, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            more = ["..."] if len(value) > MOST_ITEMS else []
            return f"[{', '.join([*map(shown, value[:MOST_ITEMS]), *more])}]"
        case dict():
            return "a table"
        case date() | time():
            return value.isoformat()
        case str():
            value = without_password(value)
    try:
        return printable(reprlib.repr(value))
    except ValueError:  # an integer of more digits than Python prints
        return "a number of thousands of digits"


def without_password(text: str) -> str:
    """The text, with *** for user and password of a URL."""
    return _USER_INFO.sub("***@", text)


def quoted(data: bytes) -> str:
    """Bytes as text in quotes, on one line."""
    return f'"{printable(data.decode(errors="backslashreplace"))}"'


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?` with the known name most like `name` in any case, or nothing."""
    folded = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name[:100].lower(), folded, 1)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def meant(name: str, known: Iterable[str]) -> str:
    """`hint`, or all known names where none is like `name`."""
    names = tuple(known)
    return hint(name, names) or f"; must be one of: {', '.join(names)}"
