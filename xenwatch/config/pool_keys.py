"""The configuration keys of the page of a pool."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import alert_keys
from xenwatch.config.key import Key

MOST: Final = 64
"""Members at most: the hosts of a pool of xapi."""


def members(value: object) -> tuple[str, ...]:
    """URLs of daemons. Raises `ValueError`."""
    found = alert_keys.urls(value, MOST)
    for url in found:
        if "@" in url:
            raise ValueError("must not have a user; set pool.username and pool.password_file")
    return found


MEMBERS: Final[Key[tuple[str, ...]]] = Key(
    "pool.members",
    "array of strings",
    (),
    "Daemons of the other hosts of the pool, such as http://HOST:10730, which the page /pool shows "
    "beside this host.",
    members,
    restart=True,
)
USER, PASSWORD = alert_keys.credentials("pool", "the members")

KEYS: Final[tuple[Key[Any], ...]] = (MEMBERS, USER, PASSWORD)
"""Every key of the page of a pool."""
