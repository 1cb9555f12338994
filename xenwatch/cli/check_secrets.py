"""Whether every user of the host can read the secrets that the configuration holds or names."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from functools import partial
from typing import Final

from xenwatch import threads
from xenwatch.cli.service_user import SERVICE_USER
from xenwatch.config import alert_keys, secret_file
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import WEB_CONFIG
from xenwatch.display.text import printable
from xenwatch.web_config.load import WebConfig

DEADLINE: Final = 2.0
"""Seconds after which a file system does not answer."""


def exposed(settings: Settings, file: str, web: WebConfig) -> Iterator[str]:
    """A line for each file with a secret that every user can read, with what mends it.

    `file` is the configuration file, empty without one.
    """
    for name, path in _holders(settings, file, web):
        try:
            problem = threads.bounded(partial(_problem, path), DEADLINE, "check-secret")
        except (OSError, RuntimeError):
            continue  # named where it is used
        if problem:
            yield printable(f"{name}: {path}: {problem}")


def _holders(settings: Settings, file: str, web: WebConfig) -> Iterator[tuple[str, str]]:
    """The files that hold a secret, each with the key that is or names it."""
    inline = [alert_keys.WEBHOOK.path] if settings[alert_keys.WEBHOOK] else []
    if any("@" in url for url in settings[alert_keys.ALERTMANAGERS]):
        inline.append(alert_keys.ALERTMANAGERS.path)
    if inline and file:
        yield " and ".join(inline), file
    for key in secret_file.FILES:
        if path := settings[key]:
            yield key.path, path
    if web.users:
        yield WEB_CONFIG.path, settings[WEB_CONFIG]
    tls = web.document.tls if web.document else None
    if tls is not None and (path := tls.key.path or settings[WEB_CONFIG]):
        yield tls.key.where, path


def _problem(path: str) -> str:
    """What is wrong with the mode of a file, empty if nothing. Raises `OSError`."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & stat.S_IROTH:
        return ""
    mode = stat.S_IMODE(found.st_mode)
    return f"mode {mode:04o}: every user can read the secret in it; run: {_remedy(path, found)}"


def _remedy(path: str, found: os.stat_result) -> str:
    """The command after which the daemon can still read the file."""
    name = shlex.quote(path)
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return f"chmod o= {name}"
    if found.st_uid == user.pw_uid or found.st_gid == user.pw_gid:
        return f"chmod o= {name}"
    return f"chgrp {SERVICE_USER} {name} && chmod 0640 {name}"
