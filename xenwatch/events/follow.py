"""Follows the events of a source: each runs the probes that wait for it early."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol, Self, TypeVar

import structlog

from xenwatch import threads
from xenwatch.events.names import events_of, probe_events
from xenwatch.sources.base import TOPICS, Source, SourceError

SETTLE: Final = 0.5
"""Seconds without an event after which domains or devices have settled.

A domain is introduced before it has devices, and each device is dozens of keys.
"""
LATER: Final = 5.0
"""Seconds after which what has settled is read once more.

xenstored releases a domain when it begins to die; Xen forgets it when the last of its memory is
freed, which no event says (domain_kill and complete_domain_destroy of xen/common/domain.c).
"""
LONGEST: Final = 5.0
"""Seconds after which what does not settle is read anyway."""
BACKOFF: Final = (1.0, 30.0)
"""Seconds before the first attempt to reconnect, and at most."""

T = TypeVar("T")

_log = structlog.get_logger()


class Follower(Protocol):
    """The receiver of events: `xenwatch.passes.scheduler.Scheduler`."""

    def trigger(self, event: str) -> None:
        """An event has come."""

    def follow(self, events: Collection[str], *, followed: bool) -> None:
        """From now on events of these names come, or may be missed."""


async def follow(
    topic: str,
    source: Source,
    follower: Follower,
    *,
    settle: float = SETTLE,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Report every event of a topic of `MEANINGS`; reconnect whenever the stream ends."""
    delay, failed = BACKOFF[0], False
    while True:
        connected = False
        try:
            async with contextlib.aclosing(source.events(topic)) as stream:
                with _Settling(follower.trigger, settle) as settling:
                    async for messages in stream:
                        if not connected:
                            connected = True
                            follower.follow(probe_events(topic), followed=True)
                            if failed:
                                _log.info("event stream reconnected", topic=topic)
                            delay, failed = BACKOFF[0], False
                        for event in events_of(topic, messages):
                            if event.now is not None:
                                follower.trigger(event.now)
                            settling.again(event.settled)
        except (SourceError, OSError) as error:
            if not failed:
                # Without Xen there is none, which is not a failure.
                missing = isinstance(error, SourceError) and error.missing
                what = "no event stream here" if missing else "event stream failed, retrying"
                (_log.info if missing else _log.warning)(
                    f"{what}; changes show up at the next regular reading",
                    topic=topic,
                    reason=str(error),
                )
            failed = True
        if connected:
            follower.follow(probe_events(topic), followed=False)
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
    """Calls `kick` with an event once no more of it has come for `seconds`.

    If more come without end it does so after `LONGEST`, and in any case again after `LATER`.
    """

    def __init__(self, kick: Callable[[str], None], seconds: float) -> None:
        self._kick = kick
        self._seconds = seconds
        self._since: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def again(self, event: str | None) -> None:
        """Something has happened: wait from now on."""
        if event is None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = min(now + self._seconds, self._since.setdefault(event, now) + LONGEST)
        if event in self._timers:
            self._timers[event].cancel()
        self._timers[event] = loop.call_at(due, self._settled, event)

    def _settled(self, event: str) -> None:
        self._kick(event)
        del self._since[event]
        later = asyncio.get_running_loop().call_later(LATER, self._kick, event)
        self._timers[event] = later
