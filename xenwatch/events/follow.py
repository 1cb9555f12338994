"""Follows the events of a source: each runs the probes that wait for it early."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeVar

import structlog

from xenwatch import threads
from xenwatch.events.names import MEANINGS, event_of
from xenwatch.sources.base import TOPICS, Source, SourceError

SETTLE: Final = 0.5
"""Seconds without an event after which domains have settled.

A domain is introduced before it has devices. xenstored releases one when it begins to die; Xen
forgets it a moment later, which no event says (domain_kill and complete_domain_destroy of
xen/common/domain.c).
"""
BACKOFF: Final = (1.0, 30.0)
"""Seconds before the first attempt to reconnect, and at most."""

T = TypeVar("T")

_log = structlog.get_logger()


async def follow(
    topic: str,
    source: Source,
    kick: Callable[[str], None],
    *,
    settle: float = SETTLE,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call `kick` with every event of a topic of `MEANINGS`; reconnect whenever the stream ends."""
    delay, failed = BACKOFF[0], False
    while True:
        try:
            async with contextlib.aclosing(source.events(topic)) as stream:
                with _Settling(MEANINGS[topic].settled, kick, settle) as settling:
                    async for messages in stream:
                        if failed:
                            _log.info("event stream reconnected", topic=topic)
                        delay, failed = BACKOFF[0], False
                        event = event_of(topic, messages)
                        if event is not None:
                            kick(event)
                            settling.again()
        except (SourceError, OSError) as error:
            if not failed:
                # Without Xen, or in a driver domain, there is none, and that is no failure.
                missing = isinstance(error, SourceError) and error.missing
                what = "no event stream here" if missing else "event stream failed, retrying"
                (_log.info if missing else _log.warning)(
                    f"{what}; changes show up at the next regular reading",
                    topic=topic,
                    reason=str(error),
                )
            failed = True
        await sleep(delay)
        delay = min(2 * delay, BACKOFF[1])


async def listening(source: Source, work: Callable[[], T]) -> T:
    """The result of `work`, run in a thread while every topic of the source is followed.

    For a recorder: the events are used nowhere else. Raises what `work` raises.
    """
    tasks = [asyncio.create_task(_listen(source, topic)) for topic in TOPICS]
    try:
        return await threads.start(work, "pass")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _listen(source: Source, topic: str) -> None:
    with contextlib.suppress(SourceError, OSError):
        async with contextlib.aclosing(source.events(topic)) as stream:
            async for _ in stream:
                pass


class _Settling:
    """Calls `kick` with an event, if there is one, once nothing has happened for `seconds`."""

    def __init__(self, event: str | None, kick: Callable[[str], None], seconds: float) -> None:
        self._event = event
        self._kick = kick
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def again(self) -> None:
        """Something has happened: wait from now on."""
        if self._event is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._kick, self._event)
