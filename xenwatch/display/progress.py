"""What takes long, said on a terminal while it lasts."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, TextIO

PATIENCE: Final = 2.0
"""Seconds in which nothing is said."""
TICK: Final = 1.0
"""Seconds between two lines, each in place of the one before."""
_CLEAR: Final = "\r\033[K"


@contextlib.contextmanager
def progress(
    doing: str, stream: TextIO | None = None, patience: float = PATIENCE
) -> Iterator[Callable[[str], None]]:
    """Say on stderr what is being done and for how long, if it is a terminal and that takes long.

    The value is a function that changes what is being done. The line is cleared at the end.
    """
    stream = sys.stderr if stream is None else stream
    if stream is None or not stream.isatty():
        yield lambda _doing: None
        return
    current, ended = [doing], threading.Event()
    began = time.monotonic()

    def tell() -> None:
        wait = patience
        while not ended.wait(wait):
            seconds = time.monotonic() - began
            _put(stream, f"{_CLEAR}xenwatch: {current[0]}, {seconds:.0f} s so far")
            wait = TICK
        _put(stream, _CLEAR if time.monotonic() - began > patience else "")

    def change(doing: str) -> None:
        current[0] = doing

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield change
    finally:
        ended.set()
        thread.join()


def _put(stream: TextIO, text: str) -> None:
    with contextlib.suppress(OSError):
        stream.write(text)
        stream.flush()
