"""Where `check` and `top` get the status of a host: from a running daemon, or by a pass."""

from __future__ import annotations

import argparse
import dataclasses
import http.client
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from xenwatch import metrics, threads
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts, Policy
from xenwatch.assessment import assess_pass, with_alerts
from xenwatch.cli.maintenance import said
from xenwatch.cli.numbers import seconds
from xenwatch.cli.options import is_given, prepare, rules, settings_of
from xenwatch.config.converters import address
from xenwatch.config.keys import LISTEN, SOURCE
from xenwatch.config.settings import ConfigError, Settings
from xenwatch.display.text import shown
from xenwatch.display.why import why
from xenwatch.passes.scheduler import one_pass
from xenwatch.status import host_status
from xenwatch.status.host_status import HostStatus, StatusError

EXAMPLE: Final = f"http://{LISTEN.default[0]}"
LOOPBACK: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where to ask a daemon that listens on all addresses."""
DEADLINE: Final = 10.0
"""Seconds after which a request times out."""
MOST_BYTES: Final = 64 << 20
"""Larger than any status, even of thousands of domains."""


NOT_HTTP: Final = "what answers there is no xenwatch"


class AskError(Exception):
    """A daemon that did not answer; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a host, and how many seconds old it is by the daemon's own clock."""

    status: HostStatus
    age: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of commands that query a daemon."""
    parser.add_argument(
        "--url",
        help=f"URL of the daemon, unless {SOURCE.flag} is given (default: the first of "
        f"{LISTEN.path} of the configuration)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds(0.01, 600),
        help=f"timeout of the request (default: {DEADLINE:g})",
    )


def asked(options: argparse.Namespace) -> list[str]:
    """The options given that are about a host to ask or to read."""
    given = {SOURCE.flag: is_given(options, SOURCE), **_of_daemon(options)}
    return [flag for flag, there in given.items() if there]


def conflict(options: argparse.Namespace) -> str:
    """What is wrong with these options together; empty if nothing is."""
    given = [flag for flag, there in _of_daemon(options).items() if there]
    if given and is_given(options, SOURCE):
        return f"{given[0]} and {SOURCE.flag} are mutually exclusive"
    return ""


def _of_daemon(options: argparse.Namespace) -> dict[str, bool]:
    return {"--url": options.url is not None, "--timeout": options.timeout is not None}


def look(options: argparse.Namespace, *, alerts: bool = False) -> Callable[[], Answer]:
    """A function that queries the daemon for the status, or makes a pass if a source is named.

    The daemon's status has its alerts; that of a pass has them with `alerts`: what holds in one
    pass fires, for there is no time it could have held for.
    Raises `AskError` and `ConfigError`.
    """
    if not is_given(options, SOURCE):
        url, problem = (options.url, "") if options.url is not None else configured_url(options)
        return lambda: ask(url, options.timeout or DEADLINE, problem)
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


def configured_url(options: argparse.Namespace) -> tuple[str, str]:
    """The URL of the daemon on this host by its configuration, and what is wrong with that.

    A daemon goes on with the configuration it has when the file becomes invalid: where that cannot
    be read, it is asked where it listens by default.
    """
    problem = ""
    try:
        places = settings_of(options)[LISTEN]
    except ConfigError as error:
        places, problem = LISTEN.default, error.problems[0]
    host, port = address(places[0])
    host = LOOPBACK.get(host, host)
    return (f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"), problem


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


def ask(url: str, deadline: float = DEADLINE, problem: str = "") -> Answer:
    """The answer of the daemon at `url`. Raises `AskError`, which tells `problem` too.

    Proxies of the environment are not used: the daemon is on this host or nearby.
    """
    if not _is_url(url):
        raise AskError(f"--url: {shown(url)} is not a URL such as {EXAMPLE}")
    try:
        return threads.bounded(lambda: _answer(url, deadline), deadline, "ask")
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"HTTP status {error.code} {error.reason}"
    except urllib.error.URLError as error:
        reason = str(getattr(error.reason, "strerror", None) or error.reason)
    except TimeoutError:
        reason = f"timed out after {deadline:g} s"
    except StatusError as error:
        reason = str(error)
    except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        reason = why(error) if isinstance(error, OSError | RuntimeError) else NOT_HTTP
    elsewhere = f" ({problem})" if problem else ""
    raise AskError(
        f"{url}: {reason}. Is the daemon running? systemctl status xenwatch; if it listens "
        f"elsewhere{elsewhere}: --url URL; without a daemon: {SOURCE.flag} host"
    )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _answer(url: str, deadline: float) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.rstrip("/") + host_status.PATH, timeout=deadline) as response:
        body = response.read(MOST_BYTES + 1)
        date = response.headers.get("Date")
    if len(body) > MOST_BYTES:
        raise StatusError(f"response too large: more than {MOST_BYTES >> 20} MiB")
    found = host_status.loads(body)
    now = parsedate_to_datetime(date).timestamp() if date else time.time()
    return Answer(found, now - found.time)
