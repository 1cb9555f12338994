"""Reads a web configuration file and the files it names, and again when they have changed."""

from __future__ import annotations

import hashlib
import os
import ssl
import stat
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from xenwatch.config.errors import ConfigError
from xenwatch.config.web_keys import WEB_CONFIG
from xenwatch.display.text import printable
from xenwatch.values import dataclass

if TYPE_CHECKING:
    from xenwatch.web_config.document import Document, Pem, Rate


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How requests are served: TLS if there is a context, and what `document` says.

    `expiry` is a line about a certificate that has expired or soon will, "" without one.
    """

    document: Document | None = None
    context: ssl.SSLContext | None = None
    expiry: str = ""

    @property
    def scheme(self) -> str:
        """The scheme of this server's URLs."""
        return "http" if self.context is None else "https"

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every response."""
        return self.document.headers if self.document else {}

    @property
    def users(self) -> Mapping[str, str]:
        """Hashes of passwords by user; without any, everybody is served."""
        return self.document.users if self.document else {}

    @property
    def rate(self) -> Rate | None:
        """The rate limit of requests, if any."""
        return self.document.rate if self.document else None

    @property
    def sans(self) -> frozenset[str]:
        """The names a client's certificate must have one of; empty: any."""
        tls = self.document.tls if self.document else None
        return tls.sans if tls is not None else frozenset()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is valid but not meant, a line each."""
        expiry = (self.expiry,) if self.expiry else ()
        return (*(self.document.warnings if self.document else ()), *expiry)


_OTHER: Final = "specify another file with --web.config.file"
_PATH: Final = "correct the path, which is relative to the web configuration file, or its mode"

PLAIN: Final = WebConfig()
"""Without a file: HTTP, without authentication."""


class Loader:
    """Reads the file at `path`, which may be "": there is none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._parsed = b""
        self._document: Document | None = None
        self._problems: list[str] = []
        self._seen = b""

    def load(self) -> WebConfig | None:
        """What the files say; `None` if nothing has changed since the last successful call.

        Raises `ConfigError`: every problem, with file and key.
        """
        if not self.path:
            return None
        from xenwatch.web_config import contexts, document  # noqa: PLC0415 - yaml, for this alone

        data = _read(self.path, f"{WEB_CONFIG.flag} {self.path}", document.FILE_LIMIT, _OTHER)
        digest = hashlib.sha256(data).digest()
        if digest != self._parsed:
            problems: list[str] = []
            self._document = document.parse(data, self.path, problems)
            self._parsed, self._problems = digest, problems
        if self._problems or self._document is None:
            raise ConfigError(self._problems)
        tls = self._document.tls
        pems = [_content(pem, document.FILE_LIMIT) for pem in tls.pems] if tls else []
        seen = b"".join(hashlib.sha256(part).digest() for part in (data, *pems))
        if seen == self._seen:
            return None
        try:
            context, expiry = None, ""
            if tls is not None:
                context = contexts.server_context(tls, pems[0], pems[1], (*pems, None)[2])
                expiry = contexts.expiry(tls, pems[0], time.time())
        except contexts.ContextError as error:
            raise ConfigError([str(error)]) from None
        self._seen = seen
        return WebConfig(self._document, context, expiry)


def load(path: str) -> WebConfig:
    """What the files say, once. Raises `ConfigError`."""
    return Loader(path).load() or PLAIN


def _content(pem: Pem, most: int) -> bytes:
    if not pem.path:
        return pem.text.encode()
    return _read(pem.path, f"{pem.where}: {pem.path}", most, _PATH)


def _read(path: str, name: str, most: int, todo: str) -> bytes:
    """The bytes of a regular file of at most `most`.

    Raises `ConfigError`, which begins with `name`, and says `todo` where it cannot be opened.
    """
    try:
        # Opening a FIFO would hang otherwise.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([f"{printable(name)}: {reason}; {todo}"]) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError([f"{printable(name)}: must be a regular file"])
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ConfigError([f"{printable(name)}: {error.strerror}"]) from None
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise ConfigError([f"{printable(name)}: must not be larger than {most} bytes"])
    return data
