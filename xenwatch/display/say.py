"""Messages to stderr."""

from __future__ import annotations

import contextlib
import sys

from xenwatch.display.text import printable


def say(*lines: str) -> None:
    """Write messages to stderr, each on a line of its own; nobody is told if that fails."""
    with contextlib.suppress(OSError):
        for line in lines if sys.stderr is not None else ():
            print(f"xenwatch: {printable(line)}", file=sys.stderr)
