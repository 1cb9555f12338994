"""The daemon: engine, publisher, web server and signals, from start to clean exit."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Final

import structlog
from aiohttp import web

from xenwatch import __version__, config, listen, log, threads
from xenwatch.alerts import keys as alert_keys
from xenwatch.alerts.states import Policy
from xenwatch.config import ConfigError, Settings
from xenwatch.engine import Engine, SystemClock
from xenwatch.equipment import Equipment, Tool
from xenwatch.limits import LIMITS, Limit
from xenwatch.notifier import RESEND, Notifier
from xenwatch.notify import notify, watchdog_seconds
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe
from xenwatch.publish import Publisher
from xenwatch.sources.base import Source, SourceError
from xenwatch.sources.events import Stream, follow
from xenwatch.sources.open import Choice
from xenwatch.web import Server

GRACE: Final = 0.3
"""Seconds that what is under way has when the daemon stops."""
RELOAD_DEADLINE: Final = 5.0
"""Seconds reading the configuration again may take."""
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"

_log = structlog.get_logger()


class Daemon:
    """Reads `source` and serves what it says until it is told to stop.

    `load` reads the configuration again or raises `ConfigError`; `streams` are events of the
    source by name; `resend` is how often Alertmanager is told again, in seconds; `tools` are what
    probes need set up on the host. To be made and run inside one event loop.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        source: Source,
        streams: Mapping[str, Stream],
        *,
        probes: Iterable[Probe] = PROBES,
        limits: Iterable[Limit] = LIMITS,
        resend: float = RESEND,
        tools: Mapping[str, Tool] | None = None,
    ) -> None:
        self._settings = settings
        self._load = load
        self._source = source
        self._streams = streams
        self._probes = tuple(probes)
        self._limits = tuple(limits)
        self._equipment = Equipment(tools or {}, _enabled(settings, self._probes))
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        clock = SystemClock()
        self._engine = Engine(source, settings.probes(self._probes), clock)
        self._publisher = Publisher(
            self._engine,
            settings.thresholds(self._limits),
            clock,
            settings.shapes(),
            _policy(settings),
        )
        self._notifier = Notifier(
            settings,
            clock,
            socket.gethostname(),
            directory=os.environ.get("STATE_DIRECTORY", "").partition(":")[0],
            boot=functools.partial(_boot, source),
            resend=resend,
        )
        self._publisher.tell = self._notifier.tell

    async def run(self, choice: Choice) -> int:
        """Serve until SIGTERM or SIGINT; `choice` says in the log what the source is, and why.

        Returns the exit status.
        """
        try:
            sockets = self._sockets()
        except listen.ListenError as error:
            _log.error("cannot start", reason=str(error))
            return 1
        self._handle_signals()
        self._publisher.alerts = await self._notifier.restore()
        path = self._settings[config.TELEMETRY_PATH]
        runner = web.AppRunner(self._application(path), access_log=None, shutdown_timeout=GRACE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in self._work()]
            try:
                await runner.setup()
                for sock in sockets:
                    await web.SockSite(runner, sock).start()
                _say_started(sockets, choice)
                await self._stop.wait()
            finally:
                notify("STOPPING=1")
                await runner.cleanup()
                for task in tasks:
                    task.cancel()
        self._notifier.save_at_the_end()
        self._close()
        _log.info("stopped")
        return 0

    def _close(self) -> None:
        """Leave the host as it was, and give back descriptors, as far as that does not hang."""
        for close in (self._equipment.close, self._source.close):
            try:
                threads.bounded(close, GRACE, "close")
            except (SourceError, TimeoutError, RuntimeError) as error:
                _log.warning("not closed in good order", reason=str(error))

    def _sockets(self) -> list[socket.socket]:
        if self._settings[config.SYSTEMD_SOCKET]:
            return listen.inherited(os.environ)
        addresses = self._settings[config.LISTEN]
        return listen.bind(addresses)

    def _application(self, path: str) -> web.Application:
        names = [probe.name for probe in self._probes]
        most = self._settings[config.MAX_REQUESTS]
        return Server(self._publisher, names, most).application(path)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    def _work(self) -> list[Coroutine[None, None, None]]:
        """What the daemon does all the time, each to be a task."""
        streams = [
            follow(name, stream, self._engine.kick) for name, stream in self._streams.items()
        ]
        return [
            self._engine.run(),
            self._publisher.run(),
            self._notifier.run(),
            self._equipment.run(),
            self._reloads(),
            _watchdog(),
            *streams,
        ]

    async def _reloads(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            await self._read_again()
            notify("READY=1")

    async def _read_again(self) -> None:
        """Take up the configuration as it is now, unless it is refused."""
        try:
            async with asyncio.timeout(RELOAD_DEADLINE):
                settings = await threads.start(self._load, "configuration")
        except ConfigError as error:
            for problem in error.problems:
                _log.error("configuration refused, the old one stays", problem=problem)
            return
        except (TimeoutError, RuntimeError) as error:
            _log.error("configuration not read, the old one stays", problem=repr(error))
            return
        log.configure(settings[config.LOG_LEVEL], settings[config.LOG_FORMAT])
        self._engine.configure(settings.probes(self._probes))
        self._equipment.want(_enabled(settings, self._probes))
        self._publisher.thresholds = settings.thresholds(self._limits)
        self._publisher.shapes = settings.shapes()
        self._publisher.policy = _policy(settings)
        self._notifier.outbox.runbooks = settings[alert_keys.RUNBOOKS]
        self._engine.changed.set()
        _log.info("configuration read again")
        for key in config.KEYS:
            if key.restart and settings[key] != self._settings[key]:
                _log.warning("this change needs a restart", key=key.path)


def _enabled(settings: Settings, probes: Iterable[Probe]) -> list[str]:
    return [probe.name for probe in settings.probes(probes) if probe.enabled]


def _policy(settings: Settings) -> Policy | None:
    return settings.alerts() if settings[alert_keys.ENABLED] else None


def _boot(source: Source) -> str:
    """Which boot of dom0 this is; empty where the source does not know."""
    try:
        return source.read(BOOT_ID).decode("ascii", "replace").strip()
    except SourceError:
        return ""


def _say_started(sockets: Iterable[socket.socket], choice: Choice) -> None:
    addresses = [listen.url(sock) for sock in sockets]
    _log.info(
        "started", version=__version__, source=choice.spec, reason=choice.reason, open=addresses
    )
    notify("READY=1")


async def _watchdog() -> None:
    """Tell systemd that the event loop turns, if it wants to know."""
    seconds = watchdog_seconds()
    while seconds is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds)
