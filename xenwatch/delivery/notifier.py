"""Tells receivers of alerts, again where they want it, until they take it, over restarts too."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from xenwatch import threads
from xenwatch.alerts import runbooks
from xenwatch.alerts.states import Alerts
from xenwatch.clock import Clock
from xenwatch.config import alert_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery import receivers
from xenwatch.delivery.outbox import Outbox
from xenwatch.delivery.receivers import BATCH, Alertmanager, Command, DeliveryError, Webhook

RESEND: Final = 60.0
"""Seconds after which Alertmanager is told again what it knows (Prometheus: resend-delay)."""
LASTING: Final = 4
"""Times of that an alert lasts that is not told again (Prometheus: resolveTimeout)."""
FIRST_RETRY: Final = 1.0
LONGEST_RETRY: Final = 60.0
"""Seconds until what was not taken is sent again: doubled each time, up to this."""
FILE_LIMIT: Final = 16 << 20
READ_DEADLINE: Final = 5.0
"""Seconds reading the file may take while the daemon starts, on a starved dom0 too."""

_NOT_OURS: Final = (ValueError, KeyError, TypeError, AttributeError, RuntimeError)
"""What a file raises that this program has not written."""

_log = structlog.get_logger()


class Notifier:
    """Takes the alerts of each page by `tell` and tells those the settings name.

    `resend` is in seconds; `directory` is where systemd lets the daemon keep its state; `boot`
    says which boot of the host this is.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        instance: str,
        *,
        directory: str = "",
        boot: Callable[[], str] = str,
        resend: float = RESEND,
    ) -> None:
        named = (
            ("webhook", settings[alert_keys.WEBHOOK]),
            ("command", settings[alert_keys.COMMAND]),
        )
        self.outbox = Outbox(
            settings[alert_keys.INSTANCE] or instance,
            runbooks.link_prefix(settings[alert_keys.RUNBOOKS], settings[alert_keys.INSTANCE]),
            [name for name, place in named if place],
        )
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self._resend = resend
        self._file = settings[alert_keys.STATE_FILE] or (directory and f"{directory}/alerts.json")
        self._lock = threading.Lock()
        self._lasting = LASTING * resend
        self._dirty = asyncio.Event()
        self._news: list[asyncio.Event] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self._settings[alert_keys.ALERTMANAGERS] or self.outbox.queues)

    def tell(self, alerts: Alerts) -> None:
        """Take up the alerts of a new page."""
        said = set(self.outbox.lost)
        if self.outbox.take(alerts, self._clock.time()):
            for name in self.outbox.lost.keys() - said:
                _log.error("alerts are lost: too many wait to be told", receiver=name)
            self._dirty.set()
            for event in self._news:
                event.set()

    async def restore(self) -> Alerts:
        """What fired when the daemon stopped; nothing where nothing was kept."""
        if self._file and self.wanted:
            try:
                async with asyncio.timeout(READ_DEADLINE):
                    document = await threads.start(self._read, "alerts")
                self.outbox.restore(document, self._clock.time(), self._lasting)
            except FileNotFoundError:
                pass
            except (OSError, *_NOT_OURS) as error:
                _log.error("alerts kept before are lost", file=self._file, reason=repr(error))
        return self.outbox.alerts

    async def run(self) -> None:
        """Tell everybody until cancelled; then keep what is still to be told."""
        if not self.wanted:
            return
        async with receivers.http_session() as session, asyncio.TaskGroup() as group:
            for url in self._settings[alert_keys.ALERTMANAGERS]:
                group.create_task(self._repeat(Alertmanager(session, url)))
            for name, queue in self.outbox.queues.items():
                receiver = self._receiver(name, session)
                group.create_task(self._pass_on(name, receiver, queue))
            if self._file:
                group.create_task(self._save())

    def _receiver(self, name: str, session: aiohttp.ClientSession) -> Webhook | Command:
        if name == "webhook":
            return Webhook(session, self._settings[alert_keys.WEBHOOK])
        return Command(
            self._settings[alert_keys.COMMAND], self._settings[alert_keys.COMMAND_DEADLINE]
        )

    async def _repeat(self, receiver: Alertmanager) -> None:
        """Send all that stands, at once on news and else again and again."""
        news = self._listen()
        while True:
            news.clear()

            async def send() -> None:
                standing = self.outbox.standing(self._clock.time(), self._lasting)
                for start in range(0, len(standing), BATCH):
                    await receiver.deliver(standing[start : start + BATCH])

            await self._until_taken(receiver.name, send)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._resend):
                    await news.wait()

    async def _pass_on(
        self, name: str, receiver: Webhook | Command, queue: deque[dict[str, Any]]
    ) -> None:
        """Send each event once, in order."""
        news = self._listen()
        while True:
            news.clear()
            while queue:

                async def send() -> None:
                    batch = [queue[number] for number in range(min(BATCH, len(queue)))]
                    await receiver.deliver(batch)
                    # While it was sent, a full queue may have dropped its oldest.
                    for it in batch:
                        if queue and queue[0] is it:
                            queue.popleft()

                await self._until_taken(receiver.name, send)
                self._dirty.set()
            lost = self.outbox.lost.pop(name, 0)
            if lost:
                _log.error("all is told, but for alerts that were lost", receiver=name, number=lost)
            await news.wait()

    async def _until_taken(self, name: str, send: Callable[[], Awaitable[None]]) -> None:
        """Send until it is taken. What is sent is put together anew each time."""
        wait = FIRST_RETRY
        failed = False
        while True:
            try:
                await send()
            except DeliveryError as error:
                if not failed:
                    words = "alerts cannot be told, and will be when it works again"
                    _log.warning(words, receiver=name, reason=str(error))
                failed = True
                await self._clock.sleep(wait)
                wait = min(2 * wait, LONGEST_RETRY)
            else:
                if failed:
                    _log.info("alerts are told again", receiver=name)
                return

    def _listen(self) -> asyncio.Event:
        self._news.append(asyncio.Event())
        return self._news[-1]

    async def _save(self) -> None:
        """Keep what there is to keep whenever it has changed, and at the end."""
        failed = False
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            kept = self.outbox.kept(self._clock.time())
            try:
                await threads.start(functools.partial(self._write, kept), "alerts")
                failed = False
            except (OSError, RuntimeError) as error:
                if not failed:
                    _log.error("alerts are not kept", file=self._file, reason=str(error))
                failed = True

    def save_at_the_end(self) -> None:
        """Keep what there is to keep, for use when the daemon stops. It may hang."""
        if self._file and self.wanted:
            with contextlib.suppress(OSError):  # said before, and not to be mended now
                self._write(self.outbox.kept(self._clock.time()))

    def _write(self, document: Mapping[str, Any]) -> None:
        """Replace the file as a whole: a crash leaves the old one or the new one."""
        new = Path(f"{self._file}.new")
        with self._lock:
            with new.open("w", encoding="utf-8") as file:
                file.write(json.dumps(document))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)

    def _read(self) -> Mapping[str, Any]:
        """Note which boot this is, and read what was kept."""
        self.outbox.boot = self._boot()
        with Path(self._file).open("rb") as file:
            document: Mapping[str, Any] = json.loads(file.read(FILE_LIMIT))
        return document
