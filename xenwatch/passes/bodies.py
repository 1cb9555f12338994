"""The metrics of a pass as bytes: rendered when somebody asks, once for all who do."""

from __future__ import annotations

import asyncio
import functools
import gzip
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from xenwatch import threads
from xenwatch.exposition import text_format
from xenwatch.exposition.text_format import Family, Page
from xenwatch.fence import OPEN, Fence

Form = tuple[bool, bool]
"""What a client accepts: OpenMetrics?, gzip?"""
PLAIN: Final[Form] = (False, False)
FORMS: Final[tuple[Form, ...]] = ((False, False), (False, True), (True, False), (True, True))

LANE: Final = threads.Lane("rendering")
FORMS_LANE: Final = threads.Lane("form")
"""For other forms of a page that is rendered, which do not wait for one that is starved."""


class Bodies(Mapping[Form, bytes]):
    """The bodies of one page, each made when it is first asked for; `page` makes the page.

    `instant` is when its newest reading was made.

    Threads may ask at the same time: one makes what the others wait for.
    """

    def __init__(self, page: Callable[[], Page], instant: float = 0.0) -> None:
        self.instant = instant
        self._make: Callable[[], Page] | None = page
        self._page = Page({}, {})
        self._made: dict[Form, bytes] = {}
        self._asked: dict[Form, asyncio.Future[bytes]] = {}
        self._lock = threading.Lock()

    @property
    def rendered(self) -> bool:
        """Whether the page is made, from which each body is put together."""
        return self._make is None

    async def asked(self, form: Form) -> bytes:
        """A body, made in a thread unless it is there. Raises what `page` raises."""
        if form in self._made:
            return self._made[form]
        if form not in self._asked:
            lane = FORMS_LANE if self.rendered else LANE
            asked = lane.start(functools.partial(self.__getitem__, form))
            self._asked[form] = asked
            asked.add_done_callback(lambda _: self._asked.pop(form))
        return await asyncio.shield(self._asked[form])

    def __getitem__(self, form: Form) -> bytes:
        with self._lock:
            if form not in self._made:
                self._made[form] = self._body(*form)
            return self._made[form]

    def __iter__(self) -> Iterator[Form]:
        return iter(FORMS)

    def __len__(self) -> int:
        return len(FORMS)

    def _body(self, openmetrics: bool, compressed: bool) -> bytes:
        if self._make is not None:
            self._page, self._make = self._make(), None  # with what it was made of
        body = self._page.body(openmetrics)
        return gzip.compress(body, compresslevel=1, mtime=0) if compressed else body


class Renderer:
    """Renders one page at a time, each with what is the same on `newest`, the page before."""

    def __init__(self) -> None:
        self.newest: Page | None = None
        self._lock = threading.Lock()

    def page(
        self,
        families: Callable[[], Iterable[Family]],
        labels: Mapping[str, str],
        whole: bool,
        fence: Fence = OPEN,
    ) -> Page:
        """The families as text, with these labels on every series; within `fence`.

        The next page takes over from a `whole` one, not from a part.
        """
        with self._lock:
            page = text_format.page(families(), labels, self.newest, fence)
            if whole:
                self.newest = page
            return page
