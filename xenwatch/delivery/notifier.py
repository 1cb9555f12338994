"""Delivers alerts: retried until accepted, resent to Alertmanager, kept across restarts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
import structlog

from xenwatch import threads
from xenwatch.alerts import runbooks
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import Message, Sender
from xenwatch.alerts.states import Alerts
from xenwatch.clock import Clock
from xenwatch.config import alert_keys, state_file, xapi_keys
from xenwatch.config.settings import Settings
from xenwatch.delivery import endpoint, receivers
from xenwatch.delivery.ledger import Ledger
from xenwatch.delivery.outbox import Outbox, moment_saved
from xenwatch.delivery.receivers import BATCH, Alertmanager, Command, DeliveryError, Webhook
from xenwatch.delivery.saved import Value
from xenwatch.delivery.xapi import Ask, Messages, through_socket
from xenwatch.display.why import why
from xenwatch.fence import OPEN, Fence

RESEND: Final = 60.0
"""Seconds after which current alerts are resent to Alertmanager (Prometheus: resend-delay)."""
EXPIRY: Final = 4
"""Times of that after which an alert that is not resent expires (Prometheus: resolveTimeout)."""
FIRST_RETRY: Final = 1.0
LONGEST_RETRY: Final = 60.0
"""Seconds until a failed delivery is retried: doubled each time, up to this."""
FILE_LIMIT: Final = 16 << 20
READ_DEADLINE: Final = 5.0
"""Seconds reading the file may take while the daemon starts, on a starved dom0 too."""

XAPI: Final = "xapi"
"""The receiver that is xapi."""

_log = structlog.get_logger()


class Notifier:
    """Delivers the alerts of each page, given to `enqueue`, to the receivers of the settings.

    `resend` is in seconds; `directory` is systemd's directory for the daemon's state; `boot`
    identifies this boot of the host; `ask` has messages posted to xapi; `scheme` is that of the
    daemon's own URLs. An alert whose text raises within `fence` is delivered without it.
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
        ask: Ask | None = None,
        scheme: str = "http",
        fence: Fence = OPEN,
    ) -> None:
        configured = (
            ("webhook", endpoint.webhook(settings)),
            ("command", settings[alert_keys.COMMAND]),
            (XAPI, settings[xapi_keys.MESSAGES]),
        )
        labels = {"job": settings[alert_keys.JOB], **settings.labels()}
        sender = Sender(
            settings[alert_keys.INSTANCE] or instance,
            runbooks.link_prefix(
                settings[alert_keys.RUNBOOKS], settings[alert_keys.INSTANCE], scheme
            ),
            labels,
            fence=fence,
        )
        self.outbox = Outbox(sender, [name for name, receiver in configured if receiver])
        self._ledger = Ledger(
            settings[xapi_keys.MESSAGES_PER_HOUR], frozenset(("instance", *labels))
        )
        self._ask = ask or through_socket()
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self._resend = resend
        self._file = settings[alert_keys.STATE_FILE] or (directory and f"{directory}/alerts.json")
        self._lock = threading.Lock()
        self._expiry = EXPIRY * resend
        self._dirty = asyncio.Event()
        self._is_unread = False
        """Whether what the file has is not known: it is set aside before it is replaced."""
        self._is_abandoned = False
        """Whether nobody waits for the file to be read: the file may be another one by then."""
        self._save_failed = False
        self._wake_ups: list[asyncio.Event] = []

    @property
    def wanted(self) -> bool:
        """Whether there is any receiver."""
        return bool(self._settings[alert_keys.ALERTMANAGERS] or self.outbox.queues)

    def enqueue(
        self, alerts: Alerts, maintenance: Maintenance | None = None, keep: float = 0.0
    ) -> None:
        """Queue the alerts of a new page; those that begin in maintenance are held back.

        `keep` is for how many seconds an alert is kept after its condition has ended.
        """
        logged, now = set(self.outbox.dropped), self._clock.moment()
        begins_or_ends = self.outbox.maintain(maintenance, now, keep)
        if (
            self.outbox.enqueue(alerts, now.instant, quiet=maintenance is not None)
            or begins_or_ends
        ):
            for name in self.outbox.dropped.keys() - logged:
                _log.error("alerts dropped: delivery queue full", receiver=name)
            self._dirty.set()
            for wake_up in self._wake_ups:
                wake_up.set()

    async def restore(self) -> Alerts:
        """The alerts when the daemon stopped; none where nothing was saved."""
        if self._file and self.wanted:
            try:
                async with asyncio.timeout(READ_DEADLINE):
                    self.outbox, self._ledger = await threads.start(self._read, "alerts")
            except FileNotFoundError:
                pass
            except _Unusable as error:
                self._is_unread = not error.kept
                kept = {"moved_to": error.kept} if error.kept else {"next": "move it away"}
                _log.error(
                    "restoring saved alerts failed", file=self._file, reason=str(error), **kept
                )
            except (OSError, RuntimeError) as error:
                self._is_unread = self._is_abandoned = True
                _log.error("restoring saved alerts failed", file=self._file, reason=why(error))
        return self.outbox.alerts

    async def run(self) -> None:
        """Deliver to every receiver until cancelled."""
        if not self.wanted:
            return
        async with receivers.http_session() as session, asyncio.TaskGroup() as group:
            for each in endpoint.alertmanagers(self._settings):
                group.create_task(self._resend_current(Alertmanager(session, each)))
            for name, queue in self.outbox.queues.items():
                if name == XAPI:
                    messages = Messages(self._ledger, self._ask, self._clock, self._dirty.set)
                    group.create_task(messages.run(queue, self._new_wake_up()))
                    continue
                receiver = self._receiver(name, session)
                group.create_task(self._deliver_events(name, receiver, queue))
            if self._file:
                group.create_task(self._save())

    def _receiver(self, name: str, session: aiohttp.ClientSession) -> Webhook | Command:
        webhook = endpoint.webhook(self._settings)
        if name == "webhook" and webhook is not None:
            return Webhook(session, webhook)
        return Command(
            self._settings[alert_keys.COMMAND], self._settings[alert_keys.COMMAND_DEADLINE]
        )

    async def _resend_current(self, receiver: Alertmanager) -> None:
        """Send all current alerts, at once after a change and else at intervals."""
        wake_up = self._new_wake_up()
        while True:
            wake_up.clear()

            async def send() -> None:
                current = self.outbox.current(self._clock.moment(), self._expiry)
                for start in range(0, len(current), BATCH):
                    await receiver.deliver(current[start : start + BATCH])

            await self._retry(receiver.name, send)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._resend):
                    await wake_up.wait()

    async def _deliver_events(
        self, name: str, receiver: Webhook | Command, queue: deque[Message]
    ) -> None:
        """Send each event once, in order."""
        wake_up = self._new_wake_up()
        while True:
            wake_up.clear()
            while queue:

                async def send() -> None:
                    batch = [queue[number] for number in range(min(BATCH, len(queue)))]
                    now = self._clock.moment()
                    await receiver.deliver([message.document(now) for message in batch])
                    # While it was sent, a full queue may have dropped its oldest.
                    for message in batch:
                        if queue and queue[0] is message:
                            queue.popleft()

                await self._retry(receiver.name, send)
                self._dirty.set()
            dropped = self.outbox.dropped.pop(name, 0)
            if dropped:
                _log.error(
                    "delivery queue drained, but alerts were dropped", receiver=name, number=dropped
                )
            await wake_up.wait()

    async def _retry(self, name: str, send: Callable[[], Awaitable[None]]) -> None:
        """Send until it is accepted; `send` sends what there is to send by then."""
        wait = FIRST_RETRY
        failed = False
        while True:
            try:
                await send()
            except DeliveryError as error:
                if not failed:
                    _log.warning(
                        "alert delivery failed; will retry", receiver=name, reason=str(error)
                    )
                failed = True
                await self._clock.sleep(wait)
                wait = min(2 * wait, LONGEST_RETRY)
            else:
                if failed:
                    _log.info("alert delivery recovered", receiver=name)
                return

    def _new_wake_up(self) -> asyncio.Event:
        self._wake_ups.append(asyncio.Event())
        return self._wake_ups[-1]

    async def _save(self) -> None:
        """Save the alerts after every change, and again where that has failed."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            document = self._saved()
            try:
                await threads.start(functools.partial(self._write, document), "alerts")
                if self._save_failed:
                    _log.info("saving alerts recovered", file=self._file)
                self._save_failed = False
            except (OSError, RuntimeError) as error:
                if not self._save_failed:
                    _log.error(
                        "saving alerts failed; will retry", file=self._file, reason=why(error)
                    )
                self._save_failed = True
                await self._clock.sleep(LONGEST_RETRY)
                self._dirty.set()

    def save_on_shutdown(self) -> None:
        """Save the alerts once more when the daemon stops. It may hang."""
        if self._file and self.wanted:
            try:
                self._write(self._saved())
            except OSError as error:
                if not self._save_failed:
                    _log.error("saving alerts failed", file=self._file, reason=why(error))

    def _saved(self) -> dict[str, Any]:
        now = self._clock.moment()
        return {**self.outbox.saved(now), XAPI: self._ledger.saved(now)}

    def _write(self, document: Mapping[str, Any]) -> None:
        """Replace the file as a whole: a crash leaves the old one or the new one."""
        with self._lock:
            if self._is_unread:
                with contextlib.suppress(FileNotFoundError):
                    state_file.set_aside(self._file)
                self._is_unread = False
            state_file.replace(self._file, json.dumps(document))

    def _read(self) -> tuple[Outbox, Ledger]:
        """Identify this boot, and restore what was saved; a file of no use is set aside.

        Raises `FileNotFoundError`, and `_Unusable` for a file that is damaged or cannot be read.
        Both are new: it may go on when nobody waits for it.
        """
        self.outbox.boot = boot = self._boot()
        outbox = Outbox(self.outbox.sender, self.outbox.queues)
        outbox.boot = boot
        ledger = Ledger(self._ledger.per_hour, self._ledger.common)
        try:
            document = Value(json.loads(state_file.read_own(self._file, FILE_LIMIT)))
            now = self._clock.moment()
            outbox.restore(document, now, self._expiry)
            if XAPI in document.items():
                ledger.restore(document[XAPI], moment_saved(document, now))
        except FileNotFoundError:
            raise
        except (OSError, ValueError, RecursionError) as error:
            kept = ""
            with self._lock, contextlib.suppress(OSError):
                if not self._is_abandoned:
                    kept = state_file.set_aside(self._file)
            raise _Unusable(why(error), kept) from error
        return outbox, ledger


class _Unusable(Exception):
    """A file that is of no use, and where it was moved; empty: it is where it was."""

    def __init__(self, reason: str, kept: str) -> None:
        super().__init__(reason)
        self.kept = kept
