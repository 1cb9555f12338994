"""A scenario as a source: the synthetic host, advanced by the clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from xenwatch import threads
from xenwatch.model.events import Announced, announced, messages
from xenwatch.model.player import Player
from xenwatch.model.scenario import Scenario, parse
from xenwatch.model.source import ModelSource
from xenwatch.sources.base import (
    READ_LIMIT,
    CommandOutput,
    Hypercall,
    HypercallReply,
    SourceError,
    XenstoreReply,
)

EVENT_SECONDS: Final = 1.0
"""Interval between two comparisons of the host's state, which make the events."""


def names() -> tuple[str, ...]:
    """The names of the scenarios, sorted."""
    found = (file.name for file in _directory().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load(name: str) -> Scenario:
    """The scenario of that name, one of `names`. Raises `ScenarioError`."""
    return parse(name, (_directory() / f"{name}.toml").read_text("utf-8"))


def _directory() -> Traversable:
    return resources.files("xenwatch.model") / "scenarios"


class ScenarioSource:
    """Plays a scenario from `begin` (its seconds) on, at its own speed.

    Every read is of one moment: the host advances only between reads, under a lock.
    """

    def __init__(
        self,
        scenario: Scenario,
        begin: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.player = Player(scenario, wall() - begin)
        self._source = ModelSource(self.player.machine, scenario.name)
        self.origin = self._source.origin
        self._speed, self._begin = scenario.speed, begin
        self._clock, self._opened = clock, clock()
        self._lock = threading.Lock()

    @contextmanager
    def _now(self) -> Iterator[ModelSource]:
        with self._lock:
            elapsed = (self._clock() - self._opened) * self._speed
            self.player.advance(self._begin + elapsed)
            yield self._source

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        with self._now() as source:
            return source.read(path, limit)

    def kernel_log(self, after: int, limit: int = READ_LIMIT) -> bytes:
        with self._now() as source:
            return source.kernel_log(after, limit)

    def listdir(self, path: str) -> tuple[str, ...]:
        with self._now() as source:
            return source.listdir(path)

    def readlink(self, path: str) -> str:
        with self._now() as source:
            return source.readlink(path)

    def certificates(self, path: str) -> bytes:
        with self._now() as source:
            return source.certificates(path)

    def stat(self, path: str) -> bytes:
        with self._now() as source:
            return source.stat(path)

    def statvfs(self, path: str) -> bytes:
        with self._now() as source:
            return source.statvfs(path)

    def uname(self) -> bytes:
        with self._now() as source:
            return source.uname()

    def adjtimex(self) -> bytes:
        with self._now() as source:
            return source.adjtimex()

    def run(self, argv: Sequence[str], deadline: float = 5.0) -> CommandOutput:
        with self._now() as source:
            return source.run(argv, deadline)

    def links(self) -> bytes:
        with self._now() as source:
            return source.links()

    def taskstats(self, pids: Sequence[int]) -> bytes:
        with self._now() as source:
            return source.taskstats(pids)

    def hypercall(self, call: Hypercall) -> HypercallReply:
        with self._now() as source:
            return source.hypercall(call)

    def hypercalls(self, calls: Sequence[Hypercall]) -> tuple[HypercallReply, ...]:
        with self._now() as source:
            return source.hypercalls(calls)

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        with self._now() as source:
            return source.xenstore(op, payload)

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        with self._now() as source:
            return source.xenstore_control(requests)

    def round_trip(self, target: str) -> float:
        with self._now() as source:
            return source.round_trip(target)

    async def events(self, topic: str) -> AsyncGenerator[bytes, None]:
        """See `Source.events`. The host is compared every second; processes have no events."""
        before = await self._announced()
        yield b""
        while True:
            await asyncio.sleep(EVENT_SECONDS)
            now = await self._announced()
            batch = messages(topic, before, now)
            if batch:
                yield batch
            before = now

    async def _announced(self) -> Announced:
        def look() -> Announced:
            with self._now():
                return announced(self.player.machine.dom0)

        try:
            return await threads.start(look, "synthetic-events")
        except RuntimeError as error:
            raise SourceError("synthetic host", str(error)) from error

    def close(self) -> None:
        """Release nothing."""
