"""`/proc/key-users` (security/keys/proc.c, proc_key_users_show)."""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse.errors import ParseError
from xenwatch.values import dataclass

PATH: Final = "/proc/key-users"
_ROW: Final = re.compile(
    rb" *(\d{1,10}): +\d{1,10} \d{1,10}/\d{1,10}"
    rb" (\d{1,10})/(\d{1,10}) (\d{1,10})/(\d{1,10})\Z"
)


@dataclass(frozen=True, slots=True)
class KeyUser:
    """What a user has of the kernel's key rings: keys and bytes, and the most of each.

    Those that do not count against the user's quota are left out.
    """

    uid: int
    keys: int
    keys_max: int
    bytes: int
    bytes_max: int


def parse_key_users(data: bytes) -> tuple[KeyUser, ...]:
    """The users in the file's order. Raises `ParseError`."""
    users = []
    for line in data.splitlines():
        match = _ROW.match(line)
        if not match:
            raise ParseError(PATH, "expected a user, keys and quotas", line)
        users.append(KeyUser(*map(int, match.groups())))
    return tuple(users)
