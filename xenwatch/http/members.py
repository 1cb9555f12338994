"""The other hosts of a pool: queried when the page is requested, once for all clients."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import aiohttp

from xenwatch.config import alert_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery import endpoint
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.receivers import http_session
from xenwatch.http.answers import LANE, AnswerError, answer, deadline
from xenwatch.status import host_status, pool_series, prometheus
from xenwatch.status.pool import HostRow, Hosts, host_row, without_answer
from xenwatch.status.pool_series import Series
from xenwatch.status.targets import INSTANCE, Targets

FRESH: Final = 10.0
"""Seconds after the last answer in which the members are not queried again."""
SHOWN: Final = 60.0
"""Seconds for which they are shown while the members are queried again."""
WAITING: Final = 8
"""Clients that may wait for answers: each takes the place of a request, such as a scrape."""
AT_ONCE: Final = 8
"""Members queried at a time."""
QUERIES_AT_ONCE: Final = 4
"""Queries to a Prometheus at a time."""

Ask = Callable[[], Awaitable[Hosts]]
"""Queries all of them; raises nothing."""


class Members:
    """The other hosts, as `ask` has them from their daemons or from a Prometheus."""

    def __init__(self, ask: Ask, now: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now = now
        self._asked: asyncio.Task[None] | None = None
        self._last = Hosts()
        self._at = -math.inf
        self._waiting = 0

    async def answers(self) -> Hosts | None:
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
        self._last = await self._ask()
        self._at = self._now()  # a member may have taken its time


def configured(settings: Settings, hostname: str) -> Ask:
    """Queries those of the configuration."""
    found = endpoint.pool_prometheus(settings)
    if found is None:
        return daemons(endpoint.pool_members(settings))
    own = {**settings.labels(), INSTANCE: settings[alert_keys.INSTANCE] or hostname}
    return scraped(found, settings[alert_keys.JOB], own)


def daemons(endpoints: Sequence[Endpoint]) -> Ask:
    """Queries the daemons there."""

    async def ask_all() -> Hosts:
        turns = asyncio.Semaphore(AT_ONCE)
        async with http_session() as session:

            async def ask(place: Endpoint) -> HostRow:
                async with turns:
                    return await _ask(session, place)

            return Hosts(tuple(await asyncio.gather(*map(ask, endpoints))))

    return ask_all


async def _ask(session: aiohttp.ClientSession, place: Endpoint) -> HostRow:
    """The answer of a member, or why there is none."""

    def row(body: bytes) -> HostRow:
        return host_row(place.url, host_status.loads(body))

    try:
        return await answer(session, place, host_status.PATH, row)
    except AnswerError as error:
        return without_answer(place.url, str(error))


def scraped(place: Endpoint, job: str, own: Mapping[str, str]) -> Ask:
    """Queries the Prometheus there for the targets of a job, but for the one with the labels `own`.

    Where a query fails, what it would say is unknown, and a row says why.
    """
    return functools.partial(_ask_prometheus, place, job, own)


async def _ask_prometheus(place: Endpoint, job: str, own: Mapping[str, str]) -> Hosts:
    answers: dict[str, tuple[Series, ...]] = {}
    failed: list[str] = []
    until = deadline()
    async with http_session(QUERIES_AT_ONCE) as session:

        async def ask(name: str, query: str) -> None:
            given = {"query": query}
            try:
                answers[name] = await answer(
                    session, place, prometheus.PATH, pool_series.read, given, until=until
                )
            except AnswerError as error:
                failed.append(str(error))

        first = pool_series.target_queries(job)
        await asyncio.gather(*(ask(*each) for each in first.items()))
        of = await LANE.start(lambda: pool_series.distinct(answers)) if answers else Targets()
        others = pool_series.queries(job, of)
        await asyncio.gather(*(ask(*each) for each in others.items()))
    rows = Hosts()
    if answers:  # else there may be no thread
        rows = await LANE.start(lambda: pool_series.hosts(answers, own, time.time(), of))
    reason = ", ".join(dict.fromkeys(failed))
    if failed:
        reason = f"{len(failed)} of {len(first) + len(others)} queries failed: {reason}"
    elif not (answers[pool_series.UP] or answers[pool_series.SEEN]):
        reason = f"no hosts found by {first[pool_series.UP]}; check {alert_keys.JOB.path}"
    if not reason:
        return rows
    return Hosts((without_answer(place.url, reason), *rows.rows), rows.left_out)
