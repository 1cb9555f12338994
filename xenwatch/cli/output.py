"""What commands write to stdout: data."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from xenwatch.display.say import say
from xenwatch.display.streams import discard
from xenwatch.display.text import printable
from xenwatch.display.why import why


def write(text: str) -> bool:
    """Write data to stdout, always as UTF-8. Returns whether it could be written."""
    if sys.stdout is None:
        say("stdout is closed")
        return False
    try:
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # head(1) has what it wanted
            say(f"stdout: {why(error)}")
        # What is left in the buffer must not fail again when Python exits.
        discard(sys.stdout)
        return False
    return True


def headed(notices: Iterable[str], text: str, comment: str = "") -> str:
    """A text below its notices: as comments that begin so, else as lines of their own."""
    lines = "".join(f"{comment}{printable(notice)}\n" for notice in notices)
    return f"{lines}\n{text}" if lines and not comment else lines + text
