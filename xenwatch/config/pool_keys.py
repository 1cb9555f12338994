"""The configuration keys of the page of a pool."""

from __future__ import annotations

from typing import Any, Final

from xenwatch.config import alert_keys
from xenwatch.config.key import FileUse, Key

MOST: Final = 64
"""Members at most: the hosts of a pool of xapi."""


def members(value: object) -> tuple[str, ...]:
    """URLs of daemons. Raises `ValueError`."""
    return tuple(map(_without_user, alert_keys.urls(value, MOST)))


def prometheus(value: object) -> str:
    """The URL of a Prometheus, or empty. Raises `ValueError`."""
    return _without_user(alert_keys.url(value))


def _without_user(url: str) -> str:
    if "@" in url:
        raise ValueError("must not have a user; set pool.username and pool.password_file")
    return url


MEMBERS: Final[Key[tuple[str, ...]]] = Key(
    "pool.members",
    "array of strings",
    (),
    "Daemons of the other hosts of the pool, such as http://HOST:10730, which the page /pool shows "
    "beside this host.",
    members,
    restart=True,
    secret=True,
)
PROMETHEUS: Final[Key[str]] = Key(
    "pool.prometheus",
    "string",
    "",
    "Prometheus that scrapes the hosts of the pool, such as http://HOST:9090; the page /pool "
    "queries it instead of the daemons in pool.members.",
    prometheus,
    restart=True,
    instead_of=MEMBERS.path,
    secret=True,
)
USER, PASSWORD = alert_keys.credentials("pool", "the members or the Prometheus")
CA: Final[Key[str]] = Key(
    "pool.ca_file",
    "string",
    "",
    "File with certificates of CAs in PEM, or with the servers' own, which members or a Prometheus "
    "with https are verified by; it is read at each use. Empty: the system's CAs.",
    alert_keys.file,
    restart=True,
    file=FileUse.READ,
)

KEYS: Final[tuple[Key[Any], ...]] = (MEMBERS, PROMETHEUS, USER, PASSWORD, CA)
"""Every key of the page of a pool."""
