"""`multipathd show paths format "%d %t"`, see `xenwatch.parse.multipathd`."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.parse.multipathd import HEADER, STATES


def render_paths(paths: Mapping[str, bool | None]) -> bytes:
    """The table of these paths, whose columns are as wide as their longest entries."""
    if not paths:
        return b""
    words = {state: name for name, state in STATES.items()}
    rows = [HEADER, *((device, words[state]) for device, state in paths.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n"
        for row in rows
    ).encode()
