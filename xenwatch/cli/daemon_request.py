"""A request to a running daemon, by the standard library alone: a check is run every minute."""

from __future__ import annotations

import argparse
import contextlib
import http
import sys
from typing import Any, Final

from xenwatch import threads
from xenwatch.cli import daemon_address
from xenwatch.cli.daemon_address import Address, AddressError, address_of
from xenwatch.cli.option_values import seconds
from xenwatch.cli.options import is_given
from xenwatch.cli.plain_http import HTTPException, TooLargeError, answered
from xenwatch.config.common_keys import ROOTFS, SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.display.why import why
from xenwatch.status import from_json
from xenwatch.values import dataclass

DEADLINE: Final = 10.0
"""Seconds after which a request times out."""
MOST_BYTES: Final = 64 << 20
"""Larger than any status, even of thousands of domains."""
MOST_VALUES: Final = 2_000_000
"""Max values in an answer: three times those of the Prometheus of 1,000 hosts.

Empty ones take thirty times their JSON in memory.
"""
NOT_XENWATCH: Final = "the answer is not from xenwatch"


class AskError(Exception):
    """A daemon that did not answer; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response of HTTP: `status` is its code and reason, `date` the daemon's clock or empty."""

    code: int
    status: str
    body: bytes
    date: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of commands that query a daemon."""
    daemon_address.add_options(parser, SOURCE.flag)
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds(0.01, 600),
        help=f"timeout of the request (default: {DEADLINE:g})",
    )


def asked(options: argparse.Namespace) -> list[str]:
    """The options given that are about a host to ask or to read."""
    keys = {key.flag: is_given(options, key) for key in (SOURCE, ROOTFS)}
    given = {**keys, **_of_daemon(options)}
    return [flag for flag, there in given.items() if there]


def conflict(options: argparse.Namespace) -> str:
    """What is wrong with these options together; empty if nothing is."""
    given = [flag for flag, there in _of_daemon(options).items() if there]
    if given and is_given(options, SOURCE):
        return f"{given[0]} and {SOURCE.flag} are mutually exclusive"
    if is_given(options, ROOTFS) and not is_given(options, SOURCE):
        return f"{ROOTFS.flag} requires {SOURCE.flag} host: without a source, a daemon is queried"
    return ""


def _of_daemon(options: argparse.Namespace) -> dict[str, bool]:
    given = {f"--{name}": getattr(options, name) is not None for name in daemon_address.OPTIONS}
    return {**given, "--timeout": options.timeout is not None}


def place_of(options: argparse.Namespace) -> Address:
    """The daemon that the options name, or the configuration. Raises `ConfigError`."""
    try:
        return address_of(options)
    except AddressError as error:
        raise ConfigError([str(error)]) from None


def get(place: Address, path: str, deadline: float = DEADLINE) -> Response:
    """What the daemon at `place` answers: code 200, or 400 with a body for its error.

    Proxies of the environment are not used: the daemon is on this host or nearby.
    Raises `AskError`, which tells the problem of `place` too.
    """
    try:
        return threads.bounded(lambda: _get(place, path, deadline), deadline, "ask")
    except AddressError as error:
        raise AskError(str(error)) from None
    except TooLargeError as error:
        reason = str(error)
    except TimeoutError:
        reason = f"timed out after {deadline:g} s"
    except (OSError, RuntimeError, ValueError, HTTPException) as error:
        known = why(error) if isinstance(error, OSError | RuntimeError) else NOT_XENWATCH
        reason = _tls_reason(error) or known
    raise unanswered(place, reason)


def _tls_reason(error: Exception) -> str:
    """Why TLS failed; empty for any other error."""
    ssl: Any = sys.modules.get("ssl")  # imported for https alone
    if ssl and isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; to trust the daemon's certificate: --cacert FILE"
    if ssl and isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}; does it serve https, or require --cert FILE?"
    return ""


def unanswered(place: Address, reason: str) -> AskError:
    """The error where nothing that can be used came from a daemon."""
    if place.next_step:
        return AskError(f"{place.url}: {reason}. {place.next_step}")
    elsewhere = f" ({place.problem})" if place.problem else ""
    return AskError(
        f"{place.url}: {reason}. Is the daemon running? systemctl status xenwatch; if it listens "
        f"elsewhere{elsewhere}: --url URL; without a daemon: {SOURCE.flag} host"
    )


def _get(place: Address, path: str, deadline: float) -> Response:
    connection, prefix = place.connect(deadline)
    with contextlib.closing(connection):
        found, body = answered(connection, prefix + path, place.headers(), deadline, MOST_BYTES)
    if from_json.parts(body) + body.count(b",") > MOST_VALUES:
        raise TooLargeError("too many values")
    status = f"HTTP status {found.status} {found.reason}"
    return Response(found.status, status, body, found.headers.get("Date") or "")


def refused(place: Address, response: Response) -> AskError:
    """The error where a daemon answers, but not what was asked for, with what to do about it."""
    todo = _TODO.get(response.code, "")
    if response.code == http.HTTPStatus.UNAUTHORIZED and place.credentials:
        todo = ": user or password is wrong"
    return AskError(f"{place.url}: {response.status}{todo}")


_TODO: Final[dict[int, str]] = {
    http.HTTPStatus.UNAUTHORIZED: ": give --user NAME:PASSWORD; root needs none on a Unix socket, "
    'web.listen_addresses = ["unix:/PATH"]',
    http.HTTPStatus.SERVICE_UNAVAILABLE: ": it has no readings yet, or is busy; retry",
    http.HTTPStatus.BAD_REQUEST: ": if the daemon serves TLS, the URL begins https://",
}
"""What to do about a status."""
