"""The user of `xenwatch.service`, as whom root can look at files."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from typing import Final

SERVICE_USER: Final = "xenwatch"
"""The user of systemd/xenwatch.service, which the packages create."""


@contextlib.contextmanager
def as_service_user() -> Iterator[str]:
    """Be that user for a while: its name, "" for whoever is not root or where there is none.

    The real user is changed too, for access(2) asks for that; root stays the saved one, to return.
    """
    try:
        user = pwd.getpwnam(SERVICE_USER) if os.geteuid() == 0 else None
    except KeyError:
        user = None
    if user is None:
        yield ""
        return
    groups = os.getgroups()
    own, group = os.getresuid(), os.getresgid()
    os.initgroups(user.pw_name, user.pw_gid)
    os.setresgid(user.pw_gid, user.pw_gid, -1)
    os.setresuid(user.pw_uid, user.pw_uid, 0)
    try:
        yield user.pw_name
    finally:
        os.setresuid(*own)
        os.setresgid(*group)
        os.setgroups(groups)
