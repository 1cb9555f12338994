"""Where a daemon is asked, and as whom: URL or Unix socket, TLS, user and password."""

from __future__ import annotations

import argparse
import base64
import dataclasses
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from xenwatch.cli.option_values import filled
from xenwatch.cli.plain_http import HTTPConnection
from xenwatch.config import state_file
from xenwatch.config.common_keys import SOURCE
from xenwatch.config.converters import address, is_host, unix_path
from xenwatch.config.errors import ConfigError
from xenwatch.config.listening import Listening, listening
from xenwatch.config.web_keys import LISTEN, WEB_CONFIG
from xenwatch.display.text import printable, shown
from xenwatch.display.why import why
from xenwatch.values import dataclass

if TYPE_CHECKING:
    import ssl

EXAMPLE: Final = f"http://{LISTEN.default[0]}"
LOOPBACK: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where to ask a daemon that listens on all addresses."""
ACCESS: Final = ("cacert", "cert", "key", "user")
"""The options of `add_access` by name."""
OPTIONS: Final = ("url", *ACCESS)
"""The options of `add_options` by name."""
MOST_CREDENTIALS: Final = 4096
"""Bytes of a file with user and password."""


class AddressError(Exception):
    """An address or an option that cannot be used; the text says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Address:
    """A daemon: `url` is HTTP's, or `unix:/PATH`; `problem` is what is wrong with its source.

    `credentials` is NAME:PASSWORD or empty, `next_step` what to do where nothing answers if it is
    not the daemon of this host.
    """

    url: str
    problem: str = ""
    context: ssl.SSLContext | None = None
    credentials: str = dataclasses.field(default="", repr=False)
    next_step: str = ""

    def check(self) -> None:
        """Raises `AddressError` where it is no address."""
        if not self.url.startswith("unix:/"):
            _parts(self.url)

    def connect(self, timeout: float) -> tuple[HTTPConnection, str]:
        """A connection that opens with its first request, and the prefix of paths.

        Raises `AddressError`.
        """
        path = unix_path(self.url) if self.url.startswith("unix:/") else ""
        if path:
            return _UnixConnection(path, timeout), ""
        parts, port = _parts(self.url)
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname or "", port, timeout=timeout), (
                parts.path.rstrip("/")
            )
        context = self.context or _trusting(None)
        secure = _TlsConnection(parts.hostname or "", port, context, timeout)
        return secure, parts.path.rstrip("/")

    def headers(self) -> dict[str, str]:
        """The headers of a request."""
        if not self.credentials:
            return {}
        return {"Authorization": f"Basic {base64.b64encode(self.credentials.encode()).decode()}"}


def add_options(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """The options that say where a daemon is; `otherwise` is the option to do without one."""
    parser.add_argument(
        "--url",
        type=filled,
        help=f"URL of the daemon, or unix:/PATH; not with {otherwise} (default: the Unix "
        f"socket in {LISTEN.path} of the configuration, else its first address)",
    )
    default = "the system's; for the configured daemon, the certificate in its configuration"
    add_access(parser, "the daemon", default)


def add_access(parser: argparse.ArgumentParser, whom: str, default: str) -> None:
    """The options of TLS, and of user and password."""
    parser.add_argument(
        "--cacert",
        metavar="FILE",
        type=filled,
        help=f"CA certificates, or the certificate of {whom}, in PEM (default: {default})",
    )
    parser.add_argument("--cert", metavar="FILE", type=filled, help="client certificate in PEM")
    parser.add_argument(
        "--key",
        metavar="FILE",
        type=filled,
        help="its private key (default: in the file of --cert)",
    )
    parser.add_argument(
        "--user",
        metavar="NAME:PASSWORD",
        type=filled,
        help="user and password, or @FILE: read them from a file, which keeps them out of the list "
        "of processes",
    )


def address_of(options: argparse.Namespace) -> Address:
    """The daemon the options name, else the one of this host. Raises `AddressError`."""
    if not options.url:
        return accessed(configured(options), options)
    found = Address(options.url)
    try:
        found.check()
    except AddressError as error:
        raise AddressError(f"--url: {error}") from None
    return accessed(found, options)


def accessed(
    found: Address, options: argparse.Namespace, ca: tuple[str, str] = ("", "")
) -> Address:
    """A daemon with the options of `add_access`. Raises `AddressError`.

    `ca` has CA certificates in place of the option's, with the name of what says so.
    """
    if options.key and not options.cert:
        raise AddressError("--key is the key of --cert, which is missing")
    named, cacert = ca if ca[1] else ("--cacert", options.cacert)
    files = {named: cacert, "--cert": options.cert, "--key": options.key}
    for name in (named, "--cert"):
        if files[name] and not found.url.startswith("https:"):
            raise AddressError(f"{name} requires https, but the URL is {found.url}")
    context = found.context
    try:
        if cacert or options.cert:
            context = context if context and not cacert else _trusting(cacert)
            if options.cert:
                context.load_cert_chain(options.cert, options.key, password=str)
    except (OSError, ValueError) as error:
        text = ", ".join(f"{name} {printable(path)}" for name, path in files.items() if path)
        raise AddressError(f"{text}: {why(error)}") from None
    return dataclasses.replace(found, context=context, credentials=_credentials(options.user or ""))


def configured(options: argparse.Namespace) -> Address:
    """The daemon of this host, by its configuration, with what is wrong with that.

    A daemon goes on with the configuration it has when the file becomes invalid: where that cannot
    be read, it is asked where it listens by default. Raises `AddressError` where it listens
    nowhere.
    """
    try:
        return _configured(listening(getattr(options, "config_file", None)))
    except ConfigError as error:
        found = _configured(Listening(LISTEN.default, WEB_CONFIG.default))
        return dataclasses.replace(found, problem=error.problems[0])


def _configured(listens: Listening) -> Address:
    places = listens.addresses
    if not places:
        raise AddressError(
            f"the daemon is configured to listen nowhere ({LISTEN.path}); read the host: "
            f"{SOURCE.flag} host; if systemd passes the socket: --url URL"
        )
    for place in places:
        if unix_path(place):
            return Address(place)
    host, port = address(places[0])
    host = LOOPBACK.get(host, host)
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not listens.web_config:
        return Address(f"http://{where}")
    from xenwatch.web_config.load import load  # noqa: PLC0415 - most daemons have none

    try:
        document = load(listens.web_config).document
    except ConfigError as error:
        return Address(f"https://{where}", error.problems[0])
    if document is None or document.tls is None:
        return Address(f"http://{where}")
    pem = document.tls.cert
    # The very certificate the daemon has: its names need not have this host's loopback address.
    context = _trusting(pem.path or None, pem.text)
    context.check_hostname = False
    return Address(f"https://{where}", context=context)


def _trusting(file: str | None, text: str = "") -> ssl.SSLContext:
    """A context that trusts the certificates of a file or text, else those of the system."""
    from xenwatch.delivery.trust import trusting  # noqa: PLC0415 - see `xenwatch.cli.plain_http`

    return trusting(file or "", text)


def _credentials(given: str) -> str:
    """NAME:PASSWORD of an option or of the file it names. Raises `AddressError`."""
    if given.startswith("@"):
        try:
            text = state_file.read(given[1:], MOST_CREDENTIALS).decode()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AddressError(f"--user {given}: {reason}") from None
        source, given = f"--user {given}: the content", text.strip("\r\n")
    else:
        source = "--user"
    if given and ":" not in given:
        raise AddressError(f"{source} must be NAME:PASSWORD")
    return given


def _parts(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL of HTTP and its port. Raises `AddressError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        valid = parts.scheme in ("http", "https") and is_host(parts.hostname or "")
    except ValueError:
        valid = False
    if not valid:
        raise AddressError(f"{shown(url)} is not a URL such as {EXAMPLE}, nor unix:/PATH")
    if parts.username is not None:
        raise AddressError("user and password must not be in the URL; use --user")
    return parts, port


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _TlsConnection(HTTPConnection):
    """HTTP over TLS."""

    default_port = 443

    def __init__(
        self, host: str, port: int | None, context: ssl.SSLContext, timeout: float
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self._context = context

    def connect(self) -> None:
        """Open it. Raises `ssl.SSLError`."""
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
