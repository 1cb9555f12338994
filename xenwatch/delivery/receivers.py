"""The receivers of alerts: Alertmanagers, a webhook, a command."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from xenwatch import __version__, threads
from xenwatch.config.secret_file import SecretError
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.trust import trusted
from xenwatch.display.text import printable
from xenwatch.display.why import where_and_why

DEADLINE: Final = 10.0
"""Seconds a receiver has to respond."""
REAP: Final = 0.2
"""Seconds to wait for a killed command: one that hangs in the kernel is left behind."""
BATCH: Final = 64
"""Alerts in one request, as many as Prometheus sends."""
_MOST_SHOWN: Final = 200
_SHORTEST: Final = 4
"""Characters of a part of a URL that is a secret, and not a word of many texts."""
_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class DeliveryError(Exception):
    """A delivery failed or was rejected; the text says why."""


class Resolver(AbstractResolver):
    """Resolves host names, each in a thread that can be left behind."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve in a thread that can be abandoned. Raises `OSError`."""
        work = functools.partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM
        )
        found = await threads.start(work, "resolver")
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Release nothing."""


def http_session(at_once: int = 1) -> aiohttp.ClientSession:
    """A session for receivers: bounded in time, no proxies, no cookies. To be closed.

    It has so many connections to one of them at a time.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=Resolver(), limit_per_host=at_once),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=DEADLINE),
        headers={"User-Agent": f"xenwatch/{__version__}"},
    )


async def post(
    session: aiohttp.ClientSession, endpoint: Endpoint, path: str, document: object
) -> None:
    """Send a document as JSON to a path below the URL.

    Raises `DeliveryError` unless it is accepted (status 2xx), without the URL's path and query.
    """
    try:
        url, authorization = await threads.start(endpoint.read, "secret")
        trust = await trusted(url)
    except (SecretError, RuntimeError) as error:
        raise DeliveryError(str(error)) from None
    url = url.rstrip("/") + path if path else url
    headers = {"Authorization": authorization} if authorization else {}
    try:
        async with session.post(
            url, json=document, allow_redirects=False, headers=headers, ssl=trust
        ) as response:
            body = await response.content.read(_MOST_SHOWN)
    except TimeoutError:
        raise DeliveryError(f"timed out after {DEADLINE:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
        # An error of aiohttp, or one it is made of, may have the URL.
        text = printable(_hidden(str(error), url, authorization) or type(error).__name__)
        raise DeliveryError(text) from None
    if response.status // 100 != 2:
        text = printable(_hidden(body.decode(errors="replace"), url, authorization))
        raise DeliveryError(f"rejected with HTTP status {response.status}: {text}")


def _hidden(text: str, url: str, authorization: str) -> str:
    """The text without what is secret in the request: some servers answer with the path."""
    parts = urlsplit(url)
    place = urlunsplit(("", "", parts.path, parts.query, ""))
    values = (value for _, value in parse_qsl(parts.query))
    secrets = (url, place, parts.path, parts.query, *parts.path.split("/"), *values)
    secrets += (authorization.partition(" ")[2],)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, unquote(secret)):
            text = text.replace(form, "***") if len(form) >= _SHORTEST else text
    return text


def shown(url: str) -> str:
    """A URL for the log: without user, path and query.

    The path is often all the secret there is: of a webhook, and of an Alertmanager behind a proxy.
    """
    parts = urlsplit(url)
    place = "/***" * (len(parts.path) > 1)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], place, "", ""))


class Alertmanager:
    """An Alertmanager, by its API v2."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self.name = shown(endpoint.url)
        self._session = session
        self._endpoint = endpoint

    async def deliver(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Send alerts. Raises `DeliveryError`."""
        await post(self._session, self._endpoint, "/api/v2/alerts", alerts)


class Webhook:
    """A server that accepts events."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self.name = shown(endpoint.url) or "webhook"
        self._session = session
        self._endpoint = endpoint

    async def deliver(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Send events. Raises `DeliveryError`."""
        await post(self._session, self._endpoint, "", event(alerts))


class Command:
    """A program that reads events from stdin; one at a time, killed after `deadline` seconds."""

    def __init__(self, argv: tuple[str, ...], deadline: float) -> None:
        self.name = argv[0]
        self._argv = argv
        self._deadline = deadline

    async def deliver(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Run the program. Raises `DeliveryError` unless it exits with status 0."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except (OSError, RuntimeError) as error:  # no program, or no thread that waits for it
            raise DeliveryError(f"failed to start: {where_and_why(error)}") from error
        try:
            async with asyncio.timeout(self._deadline):
                await process.communicate(json.dumps(event(alerts)).encode())
        except TimeoutError:
            raise DeliveryError(f"timed out after {self._deadline:g} s, killed") from None
        finally:
            if process.returncode is None:
                # With every process it has started.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REAP):
                        await process.wait()
        if process.returncode != 0:
            raise DeliveryError(f"failed with exit status {process.returncode}")


def event(alerts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a webhook or a command gets: alerts that started firing or are resolved, in order."""
    return {"version": "1", "alerts": list(alerts)}
