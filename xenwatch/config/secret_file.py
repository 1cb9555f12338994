"""Secrets in files of their own, as Prometheus has them in files that its keys `*_file` name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xenwatch.config import alert_keys, state_file
from xenwatch.config.key import FileUse, Key
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings
from xenwatch.display.why import why

MOST: Final = 1 << 16
"""Bytes of a file."""
FILES: Final[tuple[Key[str], ...]] = tuple(key for key in KEYS if key.file is FileUse.HIDDEN)
"""The keys that name such files."""

TOKENS: Final = (alert_keys.ALERTMANAGER_TOKEN, alert_keys.WEBHOOK_TOKEN)
_TOKEN: Final = re.compile("[!-~]+")
"""What a header may contain; RFC 6750 allows fewer characters, but some servers use others."""


class SecretError(Exception):
    """A secret could not be read: key, file and reason, and nothing of the content."""


def read(key: Key[str], path: str) -> str:
    """The secret in a file that the key names, without the newline at its end.

    Raises `SecretError`.
    """
    try:
        found = text(path)
        if key is alert_keys.WEBHOOK_FILE:
            alert_keys.url(found)
        if key in TOKENS and not _TOKEN.fullmatch(found):
            raise ValueError("holds no bearer token; write only the token into it")
    except (OSError, ValueError) as error:
        raise SecretError(f"{key.path}: {path}: {why(error)}") from None
    return found


def text(path: str) -> str:
    """The secret in a file, without the newline at its end. Raises `OSError` or `ValueError`."""
    found = state_file.read(path, MOST).decode().removesuffix("\n").removesuffix("\r")
    if not found:
        raise ValueError("is empty; write the secret into it")
    return found


def problems(settings: Settings) -> Iterator[str]:
    """A line for each file that is set and cannot be used."""
    for key in FILES:
        if path := settings[key]:
            try:
                read(key, path)
            except SecretError as error:
                yield str(error)
