"""Whether the receivers of alerts can be reached, without sending them an alert."""

from __future__ import annotations

import asyncio
import functools
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from xenwatch import threads
from xenwatch.config import alert_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery.receivers import shown
from xenwatch.display.why import why

DEADLINE: Final = 5.0
"""Seconds for all of them: they are asked at the same time."""
NO_ALERTMANAGER: Final = "HTTP status {}; is it an Alertmanager with API v2?"
_PORTS: Final = {"http": 80, "https": 443}


def receiver_problems(settings: Settings) -> list[str]:
    """A line for each receiver that cannot be reached, or is not what it is configured as."""
    works = {
        (alert_keys.ALERTMANAGERS.path, url): functools.partial(_ask_alertmanager, url)
        for url in settings[alert_keys.ALERTMANAGERS]
    }
    if url := settings[alert_keys.WEBHOOK]:
        works[alert_keys.WEBHOOK.path, url] = functools.partial(_connect, url)

    async def ask_all() -> list[BaseException | None]:
        asked = (_within(threads.start(work, "receiver")) for work in works.values())
        return await asyncio.gather(*asked)

    found = zip(works, asyncio.run(ask_all()), strict=True)
    return [f"{path}: {shown(url)}: {_reason(error)}" for (path, url), error in found if error]


async def _within(asked: asyncio.Future[None]) -> BaseException | None:
    try:
        async with asyncio.timeout(DEADLINE):
            await asked
    except TimeoutError:
        return TimeoutError(f"timed out after {DEADLINE:g} s")
    except (OSError, http.client.HTTPException, RuntimeError, ValueError) as error:
        return error
    return None


def _reason(error: BaseException) -> str:
    match error:
        case urllib.error.HTTPError():
            error.close()
            words = NO_ALERTMANAGER.format(error.code)
        case urllib.error.URLError(reason=BaseException() as reason):
            words = _reason(reason)
        case ssl.SSLCertVerificationError():
            words = f"its certificate is rejected: {error.verify_message}"
        case ssl.SSLError():
            words = "TLS failed: it does not serve TLS, or only another version"
        case socket.gaierror():
            words = "unknown host name"
        case http.client.HTTPException() | ValueError():
            words = "the answer is not HTTP"
        case _:
            words = why(error)
    return words


def _ask_alertmanager(url: str) -> None:
    """Ask for the state of an Alertmanager. Raises `OSError` and `HTTPException`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url.rstrip('/')}/api/v2/status", timeout=DEADLINE) as response:
        response.read(1)


def _connect(url: str) -> None:
    """Connect to a webhook, which any request may be an alert to. Raises `OSError`."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    with socket.create_connection((host, port), DEADLINE) as connection:
        if parts.scheme == "https":
            ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
