"""Whom a server with https is trusted by: the authorities of this host, or those of a CA file."""

from __future__ import annotations

import contextlib
import functools
import ssl
from collections.abc import Iterator
from typing import Any, Final

from xenwatch import threads
from xenwatch.config import state_file
from xenwatch.config.key import Key
from xenwatch.display.why import why

MOST: Final = 1 << 20
"""Bytes of a CA file; Debian's file of all authorities has 220 KB."""
UNKNOWN_CA: Final = frozenset({18, 19, 20, 21})
"""X509_V_ERR_* of OpenSSL for a certificate of no known authority."""


class TrustError(Exception):
    """A CA file cannot be used: key, file, reason, and what to do."""


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


async def trusted(url: str, ca: tuple[Key[str], str] | None = None) -> ssl.SSLContext | bool:
    """What verifies the server of a URL, as a request of aiohttp takes it.

    `ca` is a key and the CA file it names; without one it is the authorities of this host, which
    the first that is https has read. A file is read each time; both in a thread. Raises
    `TrustError`, and `RuntimeError` if no thread can be started.
    """
    if not is_https(url):
        return True  # no TLS
    work = functools.partial(of_file, *ca) if ca else functools.partial(_trusting, "")
    return await threads.start(work, "authorities")


def is_https(url: str) -> bool:
    """Whether the server of a URL is verified."""
    return url.lower().startswith("https:")


def of_file(key: Key[str], path: str) -> ssl.SSLContext:
    """A context that trusts the certificates of a CA file. Raises `TrustError`."""
    advice = "name a file that holds certificates of CAs in PEM"
    try:
        # Between the certificates stand names of authorities, in any script.
        pem = state_file.read(path, MOST).decode("ascii", "ignore")
    except (OSError, ValueError) as error:
        raise TrustError(f"{key.path}: {path}: {why(error)}; {advice}") from None
    try:
        return _trusting(pem or "\n")  # no text would be the system's
    except (OSError, ValueError):
        raise TrustError(f"{key.path}: {path}: has no certificate in PEM; {advice}") from None


def trusting(file: str = "", pem: str = "") -> ssl.SSLContext:
    """The context of a client that trusts the certificates of a file or text, else the system's.

    Raises `OSError` and `ValueError`.
    """
    if file or pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=file or None, cadata=pem or None)
        # Any certificate of the file is trusted, not those alone that signed themselves.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@functools.lru_cache(maxsize=2)
def _trusting(pem: str) -> ssl.SSLContext:
    """One context for the same certificates: connections are shared by context."""
    return trusting(pem=pem)
