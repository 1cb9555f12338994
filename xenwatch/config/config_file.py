"""Reads the configuration file."""

from __future__ import annotations

import os

from xenwatch.config import state_file
from xenwatch.config.document import DEFAULT_FILE, FILE_LIMIT


def in_use(named: str) -> tuple[str, bool]:
    """Name of the file that is read, the one `named` or else the default one; if it is there.

    A named one is taken to be there.
    """
    return (named, True) if named else (DEFAULT_FILE, os.path.exists(DEFAULT_FILE))


def read(path: str | None, problems: list[str]) -> tuple[str, bytes]:
    """Name and bytes of a file; `None` is the default one, which may be missing.

    Problems are added to `problems`; then, too, there are no bytes.
    """
    name = DEFAULT_FILE if path is None else path
    try:
        return name, state_file.read(name, FILE_LIMIT)
    except ValueError as error:
        problems.append(f"{name}: {error}; specify another file with --config.file")
    except OSError as error:
        if path is not None or not isinstance(error, FileNotFoundError):
            problems.append(f"{name}: {error.strerror}; specify another file with --config.file")
    return name, b""
