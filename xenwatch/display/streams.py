"""Standard output and error that take no more."""

from __future__ import annotations

import os
from typing import TextIO


def drop_unsent(stream: TextIO) -> None:
    """Drop what a stream does not take: for what is left, Python would end with status 120."""
    try:
        stream.flush()
    except OSError:
        discard(stream)


def discard(stream: TextIO) -> None:
    """Have the rest of a stream go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())
