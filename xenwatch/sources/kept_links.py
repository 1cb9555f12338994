"""The last dump of links, kept until something happens to a link.

A dump of a thousand interfaces is 1.5 MB, and nothing else that is read of it changes without a
message of rtnetlink.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

FULL: Final = 300.0
"""Seconds after which links are dumped whatever the events say: one might have been lost."""


class KeptLinks:
    """Gives the dump of `dump` again while events are followed and none has come. Thread-safe.

    `clock` is monotonic.
    """

    def __init__(
        self, dump: Callable[[], bytes], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dump = dump
        self._clock = clock
        self._lock = threading.Lock()
        self._followers = 0
        self._events = 0
        self._kept = b""
        self._until = 0.0

    def read(self) -> bytes:
        """The links as they are: the very object of before where nothing has happened."""
        with self._lock:
            events = self._events
            if self._kept and self._clock() < self._until:
                return self._kept
        data = self._dump()
        with self._lock:
            if self._followers and events == self._events:  # none came while it was dumped
                self._kept, self._until = data, self._clock() + FULL
        return data

    async def followed(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The stream of events of links, of which each makes what is kept out of date.

        It begins with an item once nothing more can be missed: see `Source.events`.
        """
        follows = False
        try:
            async with contextlib.aclosing(stream):
                async for messages in stream:
                    self._happened(0 if follows else 1)
                    follows = True
                    yield messages
        finally:
            if follows:
                self._happened(-1)

    def _happened(self, followers: int) -> None:
        with self._lock:
            self._followers += followers
            self._events += 1
            self._kept = b""
