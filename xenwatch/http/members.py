"""The other hosts of a pool: queried when the page is requested, once for all clients."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp

from xenwatch import threads
from xenwatch.config.secret_file import SecretError
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.receivers import http_session
from xenwatch.delivery.trust import trusted
from xenwatch.display.text import printable
from xenwatch.display.why import why
from xenwatch.status import host_status
from xenwatch.status.host_status import StatusError
from xenwatch.status.pool import HostRow, host_row, without_answer

DEADLINE: Final = 5.0
"""Seconds in which a member has to answer."""
FRESH: Final = 10.0
"""Seconds after the last answer in which the members are not queried again."""
SHOWN: Final = 60.0
"""Seconds for which they are shown while the members are queried again."""
WAITING: Final = 8
"""Clients that may wait for answers: each takes the place of a request, such as a scrape."""
AT_ONCE: Final = 8
"""Members queried at a time."""
MOST_BYTES: Final = 5 << 20
"""Max size of an answer: a host with 1,000 VMs says 1.1 MB, one with 4,000 4.2 MB."""
MOST_PARTS: Final = 60_000
"""Max objects and arrays of an answer, twice those of a host with 4,000 VMs.

Empty ones take thirty times their JSON in memory.
"""
LANE: Final = threads.Lane("pool")
"""Answers are decoded one at a time, beside the pages."""


class Members:
    """The daemons at `endpoints`."""

    def __init__(
        self, endpoints: Sequence[Endpoint], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._now = now
        self._asked: asyncio.Task[None] | None = None
        self._last: tuple[HostRow, ...] = ()
        self._at = -math.inf
        self._waiting = 0

    async def answers(self) -> tuple[HostRow, ...] | None:
        """The answers of the members, `None` while too many clients wait for them already."""
        age = self._now() - self._at
        if age >= FRESH and (self._asked is None or self._asked.done()):
            self._asked = asyncio.get_running_loop().create_task(self._ask_all())
        if age < SHOWN or self._asked is None:
            return self._last
        if self._waiting >= WAITING:
            return None
        self._waiting += 1
        try:
            await asyncio.shield(self._asked)
        finally:
            self._waiting -= 1
        return self._last

    async def _ask_all(self) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        async with http_session() as session:

            async def ask(endpoint: Endpoint) -> HostRow:
                async with turns:
                    return await _ask(session, endpoint)

            self._last = tuple(await asyncio.gather(*map(ask, self._endpoints)))
        self._at = self._now()  # a member may have taken its time


async def _ask(session: aiohttp.ClientSession, endpoint: Endpoint) -> HostRow:
    """The answer of a member, or why there is none."""
    try:
        async with asyncio.timeout(DEADLINE):
            url, authorization = await threads.start(endpoint.read, "secret")
            headers = {"Authorization": authorization} if authorization else {}
            headers["Accept-Encoding"] = "identity"  # a small answer may unpack to a large one
            address = url.rstrip("/") + host_status.PATH
            async with session.get(
                address,
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                ssl=await trusted(url),
            ) as response:
                body = await _body(response)
        return await LANE.start(lambda: _row(endpoint.url, body))
    except TimeoutError:
        reason = f"timed out after {DEADLINE:g} s"
    except (StatusError, SecretError, _AnswerError) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - no answer of one may hide those of the others
        cause = getattr(error, "os_error", error)
        reason = why(cause) or type(error).__name__
    return without_answer(endpoint.url, printable(reason))


def _row(url: str, body: bytes) -> HostRow:
    """What is kept of an answer. Raises `StatusError` and `_AnswerError`."""
    if body.count(b"[") + body.count(b"{") > MOST_PARTS:
        raise _AnswerError("response too large: too many objects and arrays")
    return host_row(url, host_status.loads(body))


class _AnswerError(Exception):
    """An answer that is not a status; the text says why."""


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer. Raises `_AnswerError`."""
    if response.status != 200:
        hint = "; set pool.username and pool.password_file" if response.status == 401 else ""
        raise _AnswerError(f"HTTP status {response.status}{hint}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _AnswerError("response is compressed, which was not asked for")
    body = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > MOST_BYTES:
            raise _AnswerError(f"response too large: more than {MOST_BYTES >> 20} MiB")
    return bytes(body)
