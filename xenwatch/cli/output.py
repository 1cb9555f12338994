"""What commands write: data to stdout, messages to stderr."""

from __future__ import annotations

import os
import sys

from xenwatch.display.text import printable


def write(text: str) -> bool:
    """Write data to stdout, always as UTF-8. Returns whether it could be written."""
    if sys.stdout is None:
        say("stdout is closed")
        return False
    try:
        sys.stdout.buffer.write(text.encode(errors="backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader that has gone (`| head`) knows why
            say(f"stdout: {error.strerror}")
        # What is left in the buffer must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def say(*lines: str) -> None:
    """Write messages to stderr, each on a line of its own."""
    for line in lines:
        print(f"xenwatch: {printable(line)}", file=sys.stderr)
