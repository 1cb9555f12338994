"""Whether the files that a configuration names can be used by the user of the process."""

from __future__ import annotations

import functools
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from xenwatch import threads
from xenwatch.config.key import FileUse
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings

DEADLINE: Final = 2.0
"""Seconds after which a file system does not answer."""

_DIRECTORIES: Final = {
    FileUse.DIRECTORY: (os.R_OK | os.X_OK, "read"),
    FileUse.FILL: (os.W_OK | os.X_OK, "written"),
}
"""The access to a directory, and the word for it, by use."""


def path_problems(settings: Settings, names: Mapping[str, str]) -> Iterator[str]:
    """A line for each file that is set and cannot be used. Nothing is opened.

    `names` are those of the options that set keys, by path of key.
    """
    for key in KEYS:
        value = settings.values.get(key.path)
        if key.file in (None, FileUse.HIDDEN) or not value:
            continue  # of a secret the content is looked at: `secret_file.problems`
        path = value[0] if isinstance(value, tuple) else str(value)
        work = functools.partial(_problem, key.file, Path(path))
        try:
            problem = threads.bounded(work, DEADLINE, "check-path")
        except (OSError, RuntimeError) as error:
            problem = f"{path}: {getattr(error, 'strerror', None) or error}"
        if problem:
            yield f"{names.get(key.path, key.path)}: {problem}"


def _problem(use: FileUse, path: Path) -> str:
    """Why a file cannot be used; empty if it can. Raises `OSError`."""
    if use in (FileUse.REPLACE, FileUse.FOLLOW):
        return _problem_of_later(use, path)
    mode = path.stat().st_mode
    if use in _DIRECTORIES:
        found = stat.S_ISDIR(mode)
        return _denied(path, *_DIRECTORIES[use]) if found else f"{path} is not a directory"
    if not stat.S_ISREG(mode):
        return f"{path} is not a regular file"
    return _denied(path, *((os.X_OK, "run") if use is FileUse.RUN else (os.R_OK, "read")))


def _problem_of_later(use: FileUse, path: Path) -> str:
    """The same of a file that need not be there yet."""
    if not path.parent.is_dir():
        return f"{path.parent} is not a directory; create it"
    if path.exists() and not path.is_file():
        return f"{path} is not a regular file"
    if use is FileUse.REPLACE and path.is_symlink():
        return f"{path} is a link, must be a file; replace it by the file"
    if use is FileUse.REPLACE:
        return _denied(path.parent, os.W_OK | os.X_OK, "written")
    return _denied(path, os.R_OK, "read") if path.exists() else ""


def _denied(path: Path, access: int, what: str) -> str:
    if os.access(path, access):
        return ""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"{path} cannot be {what} by user {user}"
