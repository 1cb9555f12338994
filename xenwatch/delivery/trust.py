"""Whom a receiver or member with https is trusted by: the authorities of this host, read late."""

from __future__ import annotations

import contextlib
import functools
import ssl
from collections.abc import Iterator
from typing import Any

from xenwatch import threads


@contextlib.contextmanager
def no_authorities() -> Iterator[None]:
    """For an import of aiohttp: it reads the authorities twice, and most daemons ask no https.

    That was a tenth of the start, and 2 MiB. Not beside other threads that use TLS.
    """
    context: Any = ssl.SSLContext
    read = context.set_default_verify_paths
    context.set_default_verify_paths = lambda _self: None
    try:
        yield
    finally:
        context.set_default_verify_paths = read


async def trusted(url: str) -> ssl.SSLContext | bool:
    """What verifies the server of a URL, as a request of aiohttp takes it.

    The first that is https has the authorities read, in a thread. Raises `RuntimeError` if none
    can be started.
    """
    if not url.lower().startswith("https:"):
        return True  # no TLS
    return await threads.start(_authorities, "authorities")


@functools.cache
def _authorities() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
