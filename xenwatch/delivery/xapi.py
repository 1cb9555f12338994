"""Tells xapi and xcp-rrdd: through the helper, or itself where the daemon is root."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import structlog

from xenwatch import threads
from xenwatch.alerts.messages import Message
from xenwatch.assessment import Assessment
from xenwatch.clock import Clock
from xenwatch.delivery import values
from xenwatch.delivery.ledger import Ledger
from xenwatch.delivery.receivers import DeliveryError
from xenwatch.fence import Part
from xenwatch.messages import helper, requests
from xenwatch.messages.helper import Helper
from xenwatch.messages.requests import LONGEST_LINE, Request, Values

SOCKET: Final = "/run/xenwatch-messages.sock"
DEADLINE: Final = helper.DEADLINE + 5.0
"""Seconds the helper has to answer."""
UPDATE: Final = 2.5
"""Seconds between two updates of the values: xcp-rrdd reads every five, and reads a page that is
the same as before ever more seldom (rrdd_server.ml, incr_skip_count)."""
FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 300.0
"""Seconds until a failed request is tried again: doubled each time, up to this."""

Ask = Callable[[Request], Awaitable[None]]
"""Has a request done. Raises `DeliveryError` where it is not done in time."""

_log = structlog.get_logger()


def through_socket(path: str = SOCKET) -> Ask:
    """Ask the helper at a socket."""

    async def ask(request: Request) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await _exchange(path, requests.dumps(request))
            error = requests.loads_answer(answer)
        except TimeoutError:
            raise DeliveryError(f"timed out after {DEADLINE:g} s") from None
        except (FileNotFoundError, ConnectionRefusedError) as cause:
            raise DeliveryError(
                f"{path}: {cause.strerror}; run: systemctl start xenwatch-messages.socket"
            ) from cause
        except (OSError, ValueError) as cause:
            raise DeliveryError(f"{path}: {cause}") from cause
        if error:
            raise DeliveryError(error)

    return ask


async def _exchange(path: str, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    try:
        writer.write(line)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()


def directly(done_by: Helper) -> Ask:
    """Do it in this process, in a thread that can be left behind."""

    async def ask(request: Request) -> None:
        line = requests.dumps(request)
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await threads.start(lambda: done_by.answer(line), "xapi")
        except TimeoutError:
            raise DeliveryError(f"timed out after {DEADLINE:g} s") from None
        except RuntimeError as cause:  # no thread
            raise DeliveryError(str(cause)) from cause
        if error := requests.loads_answer(answer):
            raise DeliveryError(error)

    return ask


class Messages:
    """Posts alerts as messages of xapi and removes them; see `Ledger`.

    `changed` is called after each change of the ledger, which is to be saved then.
    """

    def __init__(self, ledger: Ledger, ask: Ask, clock: Clock, changed: Callable[[], None]) -> None:
        self._ledger = ledger
        self._ask = ask
        self._clock = clock
        self._changed = changed

    async def run(self, queue: deque[Message], wake_up: asyncio.Event) -> None:
        """Take the events of the queue, and tell xapi until cancelled."""
        wait = 0.0
        while True:
            wake_up.clear()
            self._take(queue)
            task = self._ledger.next(self._clock.monotonic())
            if task is None:
                await self._pause(wake_up, self._ledger.free_at())
                continue
            try:
                await self._ask(task.request)
            except DeliveryError as error:
                kept = self._ledger.failed(task, self._clock.monotonic())
                if not wait or not kept:
                    _log.warning(
                        "posting to xapi failed" + ("; will retry" if kept else "; giving up"),
                        alert=task.request.message.name,
                        reason=str(error),
                    )
                wait = min(2 * wait or FIRST_RETRY, LONGEST_RETRY)
                self._changed()
                await self._clock.sleep(wait)
            else:
                if wait:
                    _log.info("posting to xapi recovered")
                wait = 0.0
                self._ledger.done(task, self._clock.monotonic())
                self._changed()

    def _take(self, queue: deque[Message]) -> None:
        if not queue:
            return
        now = self._clock.moment()
        while queue:
            self._ledger.take(queue.popleft().document(now), now.instant)
        if dropped := self._ledger.dropped:
            self._ledger.dropped = 0
            _log.error("alerts dropped: the queue for xapi is full", number=dropped)
        self._changed()

    async def _pause(self, wake_up: asyncio.Event, until: float | None) -> None:
        """Wait for a new event, or for the instant when a message may be posted again."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(wake_up.wait())]
        if until is not None:
            sleep = self._clock.sleep(max(1.0, until - self._clock.monotonic()))
            waits.append(asyncio.ensure_future(sleep))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


class DataSources:
    """Keeps the values of xcp-rrdd up to date from the newest assessment."""

    def __init__(self, newest: Callable[[], Assessment | None], ask: Ask, clock: Clock) -> None:
        self._newest = newest
        self._ask = ask
        self._clock = clock

    async def run(self) -> None:
        """Update the values until cancelled; nothing is told while there is no pass."""
        found: values.Wakeups | None = None
        failed = False
        while True:
            assessment = self._newest()
            if assessment is not None:
                fence = assessment.fence
                count = partial(values.wakeups, assessment, found)
                found = fence(Part.DELIVERY, "wakeups", count, None)
                told = partial(values.values, assessment, found)
                nothing = Values({}, None, None)
                try:
                    await self._ask(fence(Part.DELIVERY, "values", told, nothing))
                except DeliveryError as error:
                    if not failed:
                        _log.warning("updating xcp-rrdd failed; will retry", reason=str(error))
                    failed = True
                else:
                    if failed:
                        _log.info("updating xcp-rrdd recovered")
                    failed = False
            await self._clock.sleep(UPDATE)
