"""Parts of the page as bytes: each made once for all who ask, in the one form they ask for."""

from __future__ import annotations

import asyncio
import functools
import weakref
from collections.abc import Callable, Collection
from typing import Final, Generic, NamedTuple, TypeVar

from xenwatch import threads
from xenwatch.passes.bodies import Form

PATIENCE: Final = 2.0
"""Seconds that a client waits for the newest of what it asks for, unless it is the first.

A starved dom0 may take minutes to render it, and no scrape waits that long: the one before is an
answer, and says how old it is."""
MOST: Final = 16
"""Bodies of parts that are kept, of whatever pass; those asked for longest ago are dropped."""
MOST_BYTES: Final = 16 << 20
"""The same in bytes."""
LANE: Final = threads.Lane("part")

P = TypeVar("P")
Key = tuple[frozenset[str], Form]


class _Kept(NamedTuple, Generic[P]):
    """A body, and the pass it was made of."""

    of: weakref.ref[P]
    body: bytes


class Parts(Generic[P]):
    """The bodies of parts; `make` makes one of a pass, the names of probes and a form.

    One is made at a time. `failed` is told what it raises.
    """

    def __init__(
        self,
        make: Callable[[P, frozenset[str], Form], bytes],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._make = make
        self._failed = failed
        self._kept: dict[Key, _Kept[P]] = {}
        self._making: dict[Key, asyncio.Future[bytes]] = {}

    async def body(self, newest: P, probes: Collection[str], form: Form) -> bytes:
        """The part of the newest pass; of one before if this is not made within `PATIENCE`.

        Raises what `make` raises, if there is none from before.
        """
        key = frozenset(probes), form
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._kept[key] = kept  # now the one that was asked for last
            if kept.of() is newest:
                return kept.body
        if key not in self._making:
            making = LANE.start(functools.partial(self._make, newest, *key))
            self._making[key] = making
            making.add_done_callback(functools.partial(self._made, key, weakref.ref(newest)))
        making = self._making[key]
        await asyncio.wait((making,), timeout=PATIENCE if kept else None)
        if kept is not None and (not making.done() or making.exception() is not None):
            return kept.body
        return making.result()

    def _made(self, key: Key, of: weakref.ref[P], making: asyncio.Future[bytes]) -> None:
        del self._making[key]
        if error := making.exception():
            self._failed(error)
            return
        self._kept.pop(key, None)
        self._kept[key] = _Kept(of, making.result())
        while len(self._kept) > MOST or self._size() > MOST_BYTES:
            del self._kept[next(iter(self._kept))]

    def _size(self) -> int:
        return sum(len(kept.body) for kept in self._kept.values())
