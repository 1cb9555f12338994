"""TLS contexts of Python's ssl, from what a web configuration file says.

Certificates and keys are given as bytes: what was read and compared is what is used.
"""

from __future__ import annotations

import contextlib
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from xenwatch.parse.certificate import parse_not_after
from xenwatch.parse.errors import ParseError
from xenwatch.web_config import names
from xenwatch.web_config.document import Pem, Tls

MEMORY: Final = "/dev/shm"  # noqa: S108 - tempfile makes it safe
"""A file system in memory."""
SOON: Final = 14 * 86400.0
"""Seconds before the end of a certificate from which on it is a warning."""
_VERIFY: Final = {
    names.NONE: ssl.CERT_NONE,
    names.IF_GIVEN: ssl.CERT_OPTIONAL,
    names.REQUIRED: ssl.CERT_REQUIRED,
}


class ContextError(Exception):
    """Why a context cannot be built: file, key and reason."""


def server_context(tls: Tls, cert: bytes, key: bytes, client_ca: bytes | None) -> ssl.SSLContext:
    """The context of the listeners. Raises `ContextError`."""
    context = _empty_context(tls)
    _set_versions(context, tls)
    # A client that renegotiates would cost a handshake each time; Go knows none either.
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    _set_suites(context, tls)
    _load_pair(context, tls, cert, key)
    context.verify_mode = _VERIFY[tls.policy]
    # As Go: any certificate of client_ca is trusted, not those alone that signed themselves.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.client_ca is not None and client_ca is not None:
        trust(context, tls.client_ca, client_ca)
    elif tls.policy != names.NONE:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context


def trust(context: ssl.SSLContext, pem: Pem, data: bytes) -> None:
    """Trust the certificates of a file. Raises `ContextError`."""
    try:
        context.load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise ContextError(f"{pem.where}: {_named(pem)}has no certificate in PEM") from None


def expiry(tls: Tls, cert: bytes, now: float) -> str:
    """A line where one of the server's certificates has expired or soon will, else ""."""
    try:
        end = parse_not_after(_named(tls.cert), cert)
    except ParseError:  # OpenSSL has taken it
        return ""
    if end > now + SOON:
        return ""
    verb = "expired" if end <= now else "expires"
    day = datetime.fromtimestamp(end, UTC)
    return f"{tls.cert.where}: {_named(tls.cert)}{verb} on {day:%Y-%m-%d}; renew it"


def _empty_context(tls: Tls) -> ssl.SSLContext:
    try:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    except ssl.SSLError as error:  # such as "fips=yes" without the provider
        reason = getattr(error, "reason", None) or error
        raise ContextError(
            f"{tls.cert.where}: {ssl.OPENSSL_VERSION} does not start: {reason}; check its "
            "configuration: openssl version -d names the directory of openssl.cnf"
        ) from None


def _set_versions(context: ssl.SSLContext, tls: Tls) -> None:
    with warnings.catch_warnings():
        # Python warns of TLS 1.0 and 1.1, which somebody has asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion(tls.min_version)
        context.maximum_version = ssl.TLSVersion(tls.max_version)


def _set_suites(context: ssl.SSLContext, tls: Tls) -> None:
    # Before TLS 1.2 handshakes are signed with SHA-1, which OpenSSL 3 permits at level 0 alone.
    level = "@SECLEVEL=0" if tls.min_version < names.VERSIONS["TLS12"] else ""
    suites = [*tls.suites, *([level] if level else [])]
    if level and not tls.suites:
        suites.insert(0, "DEFAULT")
    try:
        if suites:
            context.set_ciphers(":".join(suites))
        if tls.curve:
            context.set_ecdh_curve(tls.curve)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ContextError(
            f"{tls.cert.where.rpartition('.')[0]}.cipher_suites or curve_preferences: unknown to "
            f"{ssl.OPENSSL_VERSION}: {reason}"
        ) from None


def _load_pair(context: ssl.SSLContext, tls: Tls, cert: bytes, key: bytes) -> None:
    if b"-----BEGIN CERTIFICATE-----" not in cert:
        raise ContextError(f"{tls.cert.where}: {_named(tls.cert)}has no certificate in PEM")
    if b"PRIVATE KEY-----" not in key:
        raise ContextError(f"{tls.key.where}: {_named(tls.key)}has no private key in PEM")
    if b"ENCRYPTED" in key:
        raise ContextError(
            f"{tls.key.where}: {_named(tls.key)}is encrypted; decrypt it: openssl pkey -in OLD "
            "-out NEW"
        )
    try:
        with _in_memory(tls.cert, cert) as certificate, _in_memory(tls.key, key) as private:
            context.load_cert_chain(certificate, private, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"the key does not belong to the certificate ({tls.cert.where})"
            raise ContextError(f"{tls.key.where}: {text}") from None
        text = f"certificate and key cannot be used: {error.reason or error}"
        raise ContextError(
            f"{tls.cert.where}: {text}; check them: openssl x509, openssl pkey"
        ) from None


@contextlib.contextmanager
def _in_memory(pem: Pem, data: bytes) -> Iterator[str]:
    """A path to read the bytes from, for ssl takes files alone: nameless, and on no disk.

    Raises `ContextError`.
    """
    try:
        with tempfile.TemporaryFile(dir=MEMORY) as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    except ssl.SSLError:
        raise
    except OSError as error:
        reason = f"cannot be handed to OpenSSL through {MEMORY}: {error.strerror}"
        raise ContextError(f"{pem.where}: {reason}") from None


def _no_password() -> str:
    """No password: OpenSSL would ask for it on the terminal."""
    return ""


def _named(pem: Pem) -> str:
    return f"{pem.path} " if pem.path else ""
