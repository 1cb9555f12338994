"""Files that hold what is to survive: read within bounds, replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def read(path: str, most: int) -> bytes:
    """The content. Raises `OSError`, and `ValueError` where it is larger than `most` bytes."""
    with Path(path).open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"must not be larger than {most} bytes")
    return data


def replace(path: str, text: str) -> None:
    """Replace the file: a crash leaves the old one or the new one. Raises `OSError`."""
    new = Path(f"{path}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
