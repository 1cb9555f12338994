"""Does what is asked, as root: `answer` takes a request as bytes and returns the answer as bytes.

The daemon that runs as root calls it itself; that of the package asks `xenwatch messages`.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from xenwatch.messages import requests, rrd_page, xe
from xenwatch.messages.page_file import PageFile
from xenwatch.messages.requests import (
    MOST_POSTS,
    MOST_SHAPES_EVER,
    Post,
    Remove,
    Request,
    RequestError,
    Values,
)
from xenwatch.messages.xe import XeError
from xenwatch.sources import commands
from xenwatch.sources.base import CommandOutput, SourceError

XE_DEADLINE: Final = 20.0
"""Seconds xe has to end. xapi answers late exactly when there is something to tell."""
DEADLINE: Final = 45.0
"""Seconds in which a request is answered, of which several runs of xe share `XE_DEADLINE`s."""
_HOUR: Final = 3600.0
INVENTORY: Final = "/etc/xensource-inventory"
_INVENTORY_MAX: Final = 1 << 16
_HOST: Final = re.compile(rf"^INSTALLATION_UUID='?({requests.UUID})'?$", re.MULTILINE)


class Helper:
    """Answers requests, those to xapi one at a time.

    `run` runs a program within some seconds.
    """

    def __init__(
        self,
        run: Callable[[Sequence[str], float], CommandOutput] = commands.run,
        inventory: str = INVENTORY,
        pages: PageFile | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._run = run
        self._inventory = inventory
        self._pages = pages or PageFile()
        self._clock = clock
        self._xapi = threading.Lock()
        self._page = threading.Lock()
        self._posted: deque[float] = deque(maxlen=MOST_POSTS)
        self._shapes: set[str] = set()

    def answer(self, line: bytes) -> bytes:
        """The answer to a request, within `DEADLINE` seconds."""
        until = time.monotonic() + DEADLINE
        try:
            self._do(requests.loads(line), until)
        except (RequestError, XeError, SourceError) as error:
            return requests.dumps_answer(str(error))
        except OSError as error:
            return requests.dumps_answer(f"{error.filename}: {error.strerror or error}")
        return requests.dumps_answer("")

    def close(self) -> None:
        """Take the page away. Raises `OSError`."""
        with self._page:
            self._pages.remove()

    def _do(self, request: Request, until: float) -> None:
        if isinstance(request, Values):
            with self._page:
                self._admit(request.vms)
                self._pages.write(rrd_page.data_sources(request), self._clock())
            return
        if not self._xapi.acquire(timeout=max(0.0, until - time.monotonic())):
            raise SourceError("xapi", "an earlier request still waits for it")
        try:
            self._to_xapi(request, partial(self._within, until))
        finally:
            self._xapi.release()

    def _admit(self, shapes: Iterable[str]) -> None:
        """Count shapes that are new. Raises `RequestError` where they are too many."""
        if len(self._shapes.union(shapes)) > MOST_SHAPES_EVER:
            raise RequestError(
                f"{MOST_SHAPES_EVER} different shapes had data sources already; to have others, "
                "restart xenwatch-messages"
            )
        self._shapes.update(shapes)

    def _to_xapi(self, request: Post | Remove, run: xe.Run) -> None:
        host = self._host()
        if isinstance(request, Remove):
            xe.remove(request.message, host, run)
        elif not (request.again and xe.find(request.message, host, run)):
            self._count()
            xe.post(request.message, host, run)

    def _count(self) -> None:
        """Count a message that is posted now. Raises `RequestError` where it is one too many."""
        now = time.monotonic()
        if len(self._posted) == MOST_POSTS and now - self._posted[0] < _HOUR:
            raise RequestError(f"{MOST_POSTS} messages were posted within an hour; retry later")
        self._posted.append(now)

    def _within(self, until: float, argv: tuple[str, ...]) -> CommandOutput:
        left = min(XE_DEADLINE, until - time.monotonic())
        if left <= 0:
            raise SourceError(argv[0], f"timed out after {DEADLINE:g} s")
        return self._run(argv, left)

    def _host(self) -> str:
        """The UUID of this host in xapi. Raises `OSError`, `SourceError`."""
        with Path(self._inventory).open("rb") as file:
            text = file.read(_INVENTORY_MAX).decode("utf-8", "replace")
        found = _HOST.search(text)
        if found is None:
            raise SourceError(self._inventory, "has no INSTALLATION_UUID")
        return found[1]
