"""Whether the receivers of alerts can be reached, without sending them an alert."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from xenwatch import threads
from xenwatch.config import alert_keys
from xenwatch.config.secret_file import SecretError
from xenwatch.config.settings import Settings
from xenwatch.delivery import endpoint
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.receivers import shown
from xenwatch.display.why import why

DEADLINE: Final = 5.0
"""Seconds for all of them: they are asked at the same time."""
NO_ALERTMANAGER: Final = "HTTP status {}; is it an Alertmanager with API v2?"
_PORTS: Final = {"http": 80, "https": 443}


def receiver_problems(settings: Settings) -> list[str]:
    """A line for each receiver that cannot be reached, or is not what it is configured as."""
    works = [
        (f"{alert_keys.ALERTMANAGERS.path}: {shown(each.url)}", partial(_ask_alertmanager, each))
        for each in endpoint.alertmanagers(settings)
    ]
    if webhook := endpoint.webhook(settings):
        key = alert_keys.WEBHOOK if webhook.url else alert_keys.WEBHOOK_FILE
        place = f": {shown(webhook.url)}" if webhook.url else ""
        works.append((f"{key.path}{place}", partial(_connect, webhook)))

    async def ask_all() -> list[BaseException | None]:
        asked = (_within(threads.start(work, "receiver")) for _, work in works)
        return await asyncio.gather(*asked)

    found = zip(works, asyncio.run(ask_all()), strict=True)
    return [f"{name}: {_reason(error)}" for (name, _), error in found if error]


async def _within(asked: asyncio.Future[None]) -> BaseException | None:
    try:
        async with asyncio.timeout(DEADLINE):
            await asked
    except TimeoutError:
        return TimeoutError(f"timed out after {DEADLINE:g} s")
    except SecretError:
        return None  # named as a file that cannot be used
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


def _ask_alertmanager(server: Endpoint) -> None:
    """Ask for the state of an Alertmanager. Raises `OSError`, `HTTPException` and `SecretError`."""
    url, authorization = server.read()
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v2/status")  # noqa: S310 - as checked
    if authorization:
        request.add_header("Authorization", authorization)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=DEADLINE) as response:
        response.read(1)


def _connect(server: Endpoint) -> None:
    """Connect to a webhook, which any request may be an alert to.

    Raises `OSError` and `SecretError`.
    """
    parts = urlsplit(server.read()[0])
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    with socket.create_connection((host, port), DEADLINE) as connection:
        if parts.scheme == "https":
            ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
