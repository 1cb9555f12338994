"""Where `check` and `top` get the status of a host: from a running daemon, or by a pass."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http
import http.client
import math
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from xenwatch import metrics, threads
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts, Policy
from xenwatch.assessment import assess_pass, with_alerts
from xenwatch.cli import daemon_address
from xenwatch.cli.daemon_address import Address, AddressError, address_of
from xenwatch.cli.maintenance import said
from xenwatch.cli.numbers import seconds
from xenwatch.cli.options import is_given, prepare, rules
from xenwatch.config.keys import ROOTFS, SOURCE
from xenwatch.config.settings import ConfigError, Settings
from xenwatch.display.why import why
from xenwatch.passes.scheduler import one_pass
from xenwatch.status import host_status
from xenwatch.status.host_status import HostStatus, StatusError

DEADLINE: Final = 10.0
"""Seconds after which a request times out."""
MOST_BYTES: Final = 64 << 20
"""Larger than any status, even of thousands of domains."""


NOT_HTTP: Final = "the answer is not from xenwatch"


class AskError(Exception):
    """A daemon that did not answer; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a host, and how many seconds old it is by the daemon's own clock."""

    status: HostStatus
    age: float


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
        return f"{ROOTFS.flag} requires {SOURCE.flag} host: without a source a daemon is asked"
    return ""


def _of_daemon(options: argparse.Namespace) -> dict[str, bool]:
    given = {f"--{name}": getattr(options, name) is not None for name in daemon_address.OPTIONS}
    return {**given, "--timeout": options.timeout is not None}


def look(options: argparse.Namespace, *, alerts: bool = False) -> Callable[[], Answer]:
    """A function that queries the daemon for the status, or makes a pass if a source is named.

    The daemon's status has its alerts; that of a pass has them with `alerts`: what holds in one
    pass fires, for there is no time it could have held for.
    Raises `AskError` and `ConfigError`.
    """
    if not is_given(options, SOURCE):
        try:
            found = address_of(options)
        except AddressError as error:
            raise ConfigError([str(error)]) from None
        return lambda: ask(found, options.timeout or DEADLINE)
    settings, source = prepare(options)
    probes = settings.probes()
    judged = rules(settings)
    if alerts:
        judged = dataclasses.replace(judged, policy=at_once(settings.alerts()))

    def make_pass() -> Answer:
        now = dataclasses.replace(judged, maintenance=_maintenance(settings))
        assessment = assess_pass(one_pass(source, probes).snapshot, now)
        assessment = with_alerts(assessment, metrics.families(assessment), Alerts())
        return Answer(host_status.host_status(assessment, probes), 0.0)

    return make_pass


def _maintenance(settings: Settings) -> tuple[Maintenance, ...]:
    """What is said of maintenance; as for the daemon, a file that cannot be read says nothing."""
    try:
        return said(settings)
    except (OSError, ValueError):
        return settings.maintenance()


def at_once(policy: Policy) -> Policy:
    """The policy with which an alert fires in the pass in which its condition holds.

    What only time makes critical does not get so: one pass cannot tell how long it has lasted.
    """
    return dataclasses.replace(
        policy,
        seconds=dict.fromkeys(policy.seconds, 0.0),
        critical_seconds=dict.fromkeys(policy.critical_seconds, math.inf),
    )


def ask(place: Address, deadline: float = DEADLINE) -> Answer:
    """The answer of the daemon at `place`. Raises `AskError`, which tells its problem too.

    Proxies of the environment are not used: the daemon is on this host or nearby.
    """
    try:
        return threads.bounded(lambda: _answer(place, deadline), deadline, "ask")
    except AddressError as error:
        raise AskError(str(error)) from None
    except _StatusCodeError as error:
        reason = str(error)
    except ssl.SSLCertVerificationError as error:
        reason = f"{error.verify_message}; to trust the daemon's certificate: --cacert FILE"
    except TimeoutError:
        reason = f"timed out after {deadline:g} s"
    except StatusError as error:
        reason = str(error)
    except ssl.SSLError as error:
        reason = (
            f"TLS failed: {error.reason or error}; does it serve https, or require --cert FILE?"
        )
    except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        reason = why(error) if isinstance(error, OSError | RuntimeError) else NOT_HTTP
    elsewhere = f" ({place.problem})" if place.problem else ""
    raise AskError(
        f"{place.url}: {reason}. Is the daemon running? systemctl status xenwatch; if it listens "
        f"elsewhere{elsewhere}: --url URL; without a daemon: {SOURCE.flag} host"
    )


class _StatusCodeError(Exception):
    """An answer of HTTP other than 200; the text says which, and what to do."""


def _answer(place: Address, deadline: float) -> Answer:
    connection, prefix = place.connect(deadline)
    with contextlib.closing(connection):
        connection.request("GET", prefix + host_status.PATH, headers=place.headers())
        with connection.getresponse() as response:
            if response.status != http.HTTPStatus.OK:
                todo = _TODO.get(response.status, "")
                raise _StatusCodeError(f"HTTP status {response.status} {response.reason}{todo}")
            body = response.read(MOST_BYTES + 1)
            date = response.headers.get("Date")
    if len(body) > MOST_BYTES:
        raise StatusError(f"response too large: more than {MOST_BYTES >> 20} MiB")
    found = host_status.loads(body)
    now = parsedate_to_datetime(date).timestamp() if date else time.time()
    return Answer(found, now - found.time)


_TODO: Final[dict[int, str]] = {
    http.HTTPStatus.UNAUTHORIZED: ": give --user NAME:PASSWORD, or use a Unix socket as root",
    http.HTTPStatus.BAD_REQUEST: ": if the daemon serves TLS, the URL begins https://",
}
"""What to do about a status."""
