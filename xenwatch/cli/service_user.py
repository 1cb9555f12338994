"""The user of `xenwatch.service`, as whom root can look at files."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from typing import Final

SERVICE_USER: Final = "xenwatch"
"""The user of systemd/xenwatch.service, which the packages create."""


def as_service_user(look: Callable[[str], list[str]]) -> list[str]:
    """What `look` finds as that user, whose name it is given.

    It is given "" and called here by whoever is not root, where there is no such user, and where
    root may not become another one. Only a process of its own is the other user: in one with
    threads, a thread that hangs would keep all from becoming it (setxid of glibc waits for each).
    """
    try:
        user = pwd.getpwnam(SERVICE_USER) if os.geteuid() == 0 else None
    except KeyError:
        user = None
    found = _found_by(user, look) if user is not None else None
    return look("") if found is None else found


def _found_by(user: pwd.struct_passwd, look: Callable[[str], list[str]]) -> list[str] | None:
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            with os.fdopen(sender, "w", encoding="utf-8") as out:
                json.dump(look(user.pw_name), out)
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, encoding="utf-8") as said:
        text = said.read()
    # Not waited for: a thread of it may hang. It is gone with this process.
    return json.loads(text) if text else None
