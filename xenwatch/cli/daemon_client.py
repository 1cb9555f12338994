"""Ask a running daemon what it knows, within a deadline."""

from __future__ import annotations

import argparse
import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from xenwatch import threads
from xenwatch.config.keys import LISTEN, SOURCE
from xenwatch.status import host_status
from xenwatch.status.host_status import Overview, OverviewError

URL: Final = f"http://{LISTEN.default[0]}"
"""Where a daemon listens unless it is told otherwise."""
DEADLINE: Final = 10.0
"""Seconds an answer may take."""
MOST_BYTES: Final = 64 << 20
"""More is no overview, not even of thousands of domains."""


class AskError(Exception):
    """A daemon that cannot be asked; the text names it, the reason and the next step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a daemon knows, and how many seconds old that is by its own clock."""

    overview: Overview
    age: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of commands that ask a daemon."""
    parser.add_argument(
        "--url", help=f"the daemon to ask, unless {SOURCE.flag} is given (default: {URL})"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=DEADLINE,
        help="how long its answer may take (default: %(default)g)",
    )


def seconds(text: str) -> float:
    """The time span an option gives. Raises as argparse wants it."""
    span = float(text)
    if not 0 < span <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 600")
    return span


def ask(url: str, deadline: float = DEADLINE) -> Answer:
    """The answer of the daemon at `url`. Raises `AskError`.

    Proxies of the environment are not used: what is asked is this host, or one nearby.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AskError(f"{url!r} is not a URL such as {URL}")
    try:
        return threads.bounded(lambda: _answer(url, deadline), deadline, "ask")
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"it answers {error.code} {error.reason}"
    except urllib.error.URLError as error:
        reason = str(getattr(error.reason, "strerror", None) or error.reason)
    except TimeoutError:
        reason = f"no answer within {deadline:g} s"
    except OverviewError as error:
        reason = str(error)
    except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        reason = f"{type(error).__name__}: {error}"
    raise AskError(
        f"{url}: {reason}. Does the daemon run there? systemctl status xenwatch; without a daemon: "
        f"{SOURCE.flag} host"
    )


def _answer(url: str, deadline: float) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.rstrip("/") + host_status.PATH, timeout=deadline) as response:
        body = response.read(MOST_BYTES + 1)
        date = response.headers.get("Date")
    if len(body) > MOST_BYTES:
        raise OverviewError(f"more than {MOST_BYTES >> 20} MiB are no overview of xenwatch")
    found = host_status.loads(body)
    now = parsedate_to_datetime(date).timestamp() if date else time.time()
    return Answer(found, now - found.time)
