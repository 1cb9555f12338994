"""`/proc/key-users` (security/keys/proc.c, proc_key_users_show)."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.key_users import KeyUser


def render_key_users(users: Iterable[KeyUser]) -> bytes:
    """The file with these users, none of whose keys is without quota."""
    return "".join(map(_row, users)).encode("ascii")


def _row(user: KeyUser) -> str:
    quotas = f"{user.keys}/{user.keys_max} {user.bytes}/{user.bytes_max}"
    return f"{user.uid:5}: {user.keys + 1:5} {user.keys}/{user.keys} {quotas}\n"
