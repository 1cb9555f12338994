"""Whether the CA file that verifies the other hosts of a pool can be used."""

from __future__ import annotations

from collections.abc import Iterator

from xenwatch.config import pool_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery import trust


def trust_problems(settings: Settings) -> Iterator[str]:
    """A line for a CA file that is set and cannot be used, or is of no use."""
    path = settings[pool_keys.CA]
    if not path:
        return
    urls = (*settings[pool_keys.MEMBERS], settings[pool_keys.PROMETHEUS])
    if not any(map(trust.is_https, urls)):
        keys = f"{pool_keys.MEMBERS.path} or {pool_keys.PROMETHEUS.path}"
        yield f"{pool_keys.CA.path}: no URL in {keys} begins with https://; set one that does"
    try:
        trust.of_file(pool_keys.CA, path)
    except trust.TrustError as error:
        yield str(error)
