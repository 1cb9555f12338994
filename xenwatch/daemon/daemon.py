"""The daemon: scheduler, publisher, web server and signals, from start to clean exit."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from xenwatch import __version__, log, threads
from xenwatch.alerts import runbooks
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Assessment, Rules
from xenwatch.clock import SystemClock
from xenwatch.config import alert_keys, label_keys, textfile_keys, xapi_keys
from xenwatch.config.common_keys import LOG_FORMAT, LOG_LEVEL
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import KEYS, LEARNT
from xenwatch.config.maintenance_keys import MAINTENANCE_FILE
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import MAX_REQUESTS, SYSTEMD_SOCKET, TELEMETRY_PATH
from xenwatch.daemon import watchdog
from xenwatch.daemon.host_setup import HostSetup, Tool
from xenwatch.daemon.learnt import Keeper, load
from xenwatch.daemon.maintenance import Follower
from xenwatch.daemon.recorder import Recorder
from xenwatch.daemon.sd_notify import notify
from xenwatch.daemon.textfile import Textfile
from xenwatch.daemon.web_files import WebFiles
from xenwatch.delivery import xapi
from xenwatch.delivery.notifier import READ_DEADLINE, RESEND, Notifier
from xenwatch.display.why import why
from xenwatch.events.follow import follow
from xenwatch.events.names import MEANINGS
from xenwatch.http import sockets as web_sockets
from xenwatch.messages.helper import Helper
from xenwatch.metrics import Configured
from xenwatch.passes.publisher import Export, Publisher
from xenwatch.passes.scheduler import Scheduler
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe
from xenwatch.sources.base import Choice, Source, SourceError
from xenwatch.web_config.load import Loader

if TYPE_CHECKING:
    from xenwatch.http.connections import Site

SHUTDOWN: Final = 0.6
"""Max seconds from the signal to exit; the interpreter itself needs some more."""
GRACE: Final = 0.3
"""Seconds of those in which active requests may complete."""
RELOAD_DEADLINE: Final = 5.0
"""Max seconds to reload the configuration."""
BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"

_log = structlog.get_logger()


class Daemon:
    """Reads `source` and serves metrics until stopped.

    `load` reloads the configuration or raises `ConfigError`; `resend` is the interval in seconds
    at which alerts are sent to Alertmanager again; `tools` are what probes need set up on the host;
    `helper` tells xapi and xcp-rrdd in this process, by default one of its own is asked;
    `web` says how requests are served, if not by plain HTTP. Create and run it in one event loop.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        source: Source,
        *,
        probes: Iterable[Probe] = PROBES,
        resend: float = RESEND,
        tools: Mapping[str, Tool] | None = None,
        helper: Helper | None = None,
        web: WebFiles | None = None,
    ) -> None:
        self._settings = settings
        self._configured = settings.maintenance()
        self._load = load
        self._source = source
        self._probes = tuple(probes)
        self._host_setup = HostSetup(tools or {}, _enabled(settings, self._probes))
        self._stop = asyncio.Event()
        self._deadline: float | None = None
        self._reload = asyncio.Event()
        self._clock = clock = SystemClock()
        self._scheduler = Scheduler(source, settings.probes(self._probes), clock)
        self.ready = self._scheduler.ready
        """Set once every probe has run."""
        self._publisher = Publisher(self._scheduler, _rules(settings), clock)
        labels, excluded = settings.metric_labels(), settings.excluded_metrics()
        self._publisher.export = Export(labels, excluded)
        self._publisher.configured = Configured(True, clock.monotonic())
        self._web = web or WebFiles(Loader(""))
        directory = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
        self._helper = helper
        ask = xapi.through_socket() if helper is None else xapi.directly(helper)
        self._data_sources = xapi.DataSources(self._assessment, ask, clock)
        self._learnt = Keeper(lambda: self._publisher.learning, clock, directory)
        self._notifier = Notifier(
            settings,
            clock,
            socket.gethostname(),
            directory=directory,
            boot=functools.partial(_boot, source),
            resend=resend,
            ask=ask,
            scheme=self._web.current.scheme,
            fence=self._publisher.faults.fence,
        )
        self._publisher.on_alerts = self._enqueue
        self._textfile = Textfile(
            settings[textfile_keys.DIRECTORY],
            settings[textfile_keys.INTERVAL],
            clock,
            self._publisher.text,
        )
        self._recorder = Recorder(settings, directory, clock, self._assessment)
        self._publisher.recorded = lambda: self._recorder.known
        self._publisher.on_change = self._note_change
        self._publisher.textfile_failures = lambda: self._textfile.failures
        self._maintenance = Follower(settings[MAINTENANCE_FILE], clock, self._maintain)

    async def run(self, choice: Choice) -> int:
        """Serve until SIGTERM or SIGINT; `choice` is logged: the source, and why it was chosen.

        Returns 0, or 1 where it could not start.
        """
        try:
            sockets = self._sockets()
        except web_sockets.ListenError as error:
            _log.error("cannot start", reason=str(error))
            return 1
        self._handle_signals()
        self._publisher.alerts = await self._notifier.restore()
        self._publisher.learning = await self._learnt.restore()
        self._publisher.rules = await _with_carried(self._publisher.rules, self._settings)
        # Before the first pass: nothing that was held back is delivered after a restart.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_DEADLINE):
                await self._maintenance.look()
        self._maintain()
        site = self._site(sockets) if sockets else None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in self._background_tasks()]
                try:
                    if site:
                        await site.start()
                    self._log_started(sockets, choice)
                    # After READY: the modules for events are expensive to import.
                    tasks += [group.create_task(work) for work in self._event_streams()]
                    await self._stop.wait()
                finally:
                    self._request_stop()  # a task that failed ends the daemon too
                    notify("STOPPING=1")
                    if not self._settings[SYSTEMD_SOCKET]:
                        web_sockets.remove_files(sockets)
                    if site:
                        await site.stop(self._deadline)
                    for task in tasks:
                        task.cancel()
        finally:
            await self._close()
        _log.info("stopped")
        return 0

    async def _close(self) -> None:
        """Save alerts and what was learnt, remove what was set up for probes, close descriptors.

        All run in parallel until the deadline, so that one that hangs does not delay the others.
        """
        works = {
            "saving alerts": self._notifier.save_on_shutdown,
            "saving what was learnt": self._learnt.save_on_shutdown,
            "closing the record": self._recorder.close_on_shutdown,
            "removing the textfile": self._textfile.remove_on_shutdown,
            "removing probe setups": self._host_setup.close,
            "closing the source": self._source.close,
        }
        if self._helper is not None:
            works["removing the data sources of xcp-rrdd"] = self._helper.close
        names = {threads.start(work, "close"): name for name, work in works.items()}
        remaining = (self._deadline or 0) - asyncio.get_running_loop().time()
        done, late = await asyncio.wait(names, timeout=max(0, remaining))
        for future in late:
            _log.warning(f"shutdown: {names[future]} timed out")
        for future in done:
            if error := future.exception():
                _log.warning(f"shutdown: {names[future]} failed", reason=why(error))

    def _sockets(self) -> list[socket.socket]:
        if self._settings[SYSTEMD_SOCKET]:
            return web_sockets.inherited(os.environ)
        return web_sockets.bind(self._settings.addresses())

    def _site(self, sockets: list[socket.socket]) -> Site:
        # A daemon that listens nowhere needs no web server, which takes 3 MiB.
        from xenwatch.http import members  # noqa: PLC0415
        from xenwatch.http.connections import SPARE, Site  # noqa: PLC0415
        from xenwatch.http.refusals import Refusals  # noqa: PLC0415
        from xenwatch.http.server import Handlers  # noqa: PLC0415

        names = [probe.name for probe in self._probes]
        most = self._settings[MAX_REQUESTS]
        refusals = Refusals(time.monotonic)
        self._publisher.refused = lambda: refusals.counts
        record = self._recorder.path
        others = members.configured(self._settings, socket.gethostname())
        handlers = Handlers(self._publisher, names, most, refusals, record=record, members=others)
        current = self._web.newest
        application = handlers.application(self._settings[TELEMETRY_PATH], current)
        return Site(application, sockets, most + SPARE, GRACE, refusals=refusals, current=current)

    def _log_started(self, sockets: Iterable[socket.socket], choice: Choice) -> None:
        scheme = self._web.current.scheme
        addresses = [url for sock in sockets for url in web_sockets.urls(sock, scheme=scheme)]
        file = {"textfile": self._textfile.path} if self._textfile.path else {}
        _log.info(
            "started",
            version=__version__,
            source=choice.spec,
            reason=choice.reason,
            open=addresses,
            **file,
        )
        notify("READY=1")

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._request_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        # The command line holds it back until now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def _request_stop(self) -> None:
        """Start the shutdown; a second signal does not extend its deadline."""
        if not self._stop.is_set():
            self._deadline = asyncio.get_running_loop().time() + SHUTDOWN
            self._stop.set()

    def _background_tasks(self) -> list[Coroutine[None, None, None]]:
        """The coroutines that run until the daemon stops."""
        data_sources = [self._data_sources.run()] if self._settings[xapi_keys.DATA_SOURCES] else []
        return [
            *data_sources,
            self._scheduler.run(),
            self._publisher.run(),
            self._notifier.run(),
            self._learnt.run(),
            self._textfile.run(),
            self._recorder.run(),
            self._maintenance.run(),
            self._web.run(),
            self._host_setup.run(),
            self._reloads(),
            watchdog.feed(self._scheduler, self._clock),
        ]

    def _event_streams(self) -> list[Coroutine[None, None, None]]:
        """The coroutines that follow the source's events."""
        return [follow(topic, self._source, self._scheduler) for topic in MEANINGS]

    def _assessment(self) -> Assessment | None:
        newest = self._publisher.newest
        return newest.assessment if newest is not None and self._publisher.complete else None

    def _maintain(self) -> None:
        """Pass on the maintenance of the configuration and of the file."""
        said = self._maintenance.said
        self._publisher.rules = dataclasses.replace(
            self._publisher.rules, maintenance=(*self._configured, *((said,) if said else ()))
        )
        self._scheduler.changed.set()

    def _note_change(self) -> None:
        self._textfile.changed.set()
        self._recorder.changed.set()

    def _enqueue(self, alerts: Alerts, maintenance: Maintenance | None, keep: float) -> None:
        """Deliver alerts, marked where their source is no live host: a reader tells late."""
        self._recorder.note(alerts.changes)
        outbox = self._notifier.outbox
        outbox.sender = dataclasses.replace(outbox.sender, mark=self._source.origin.mark)
        self._notifier.enqueue(alerts, maintenance, keep)

    async def _reloads(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            self._web.look_now()
            await self._reload_configuration()
            notify("READY=1")

    async def _reload_configuration(self) -> None:
        """Reload the configuration, unless it is rejected."""
        try:
            async with asyncio.timeout(RELOAD_DEADLINE):
                settings = await threads.start(self._load, "configuration")
        except ConfigError as error:
            for problem in error.problems:
                _log.error("configuration rejected; keeping the current one", problem=problem)
            self._note_reload(accepted=False)
            return
        except Exception as error:  # noqa: BLE001 - no file may end a daemon that works
            _log.error(
                "configuration could not be read; keeping the current one", problem=why(error)
            )
            self._note_reload(accepted=False)
            return
        await self._apply(settings)

    def _note_reload(self, *, accepted: bool) -> None:
        """Have the metrics say when the configuration in use was read, and if it is the newest."""
        before = self._publisher.configured
        read = self._clock.monotonic() if accepted or before is None else before.instant
        self._publisher.configured = Configured(accepted, read)
        self._scheduler.changed.set()

    async def _apply(self, settings: Settings) -> None:
        """Use this configuration from now on, as far as that is possible."""
        log.configure(settings[LOG_LEVEL], settings[LOG_FORMAT])
        self._scheduler.configure(settings.probes(self._probes))
        self._host_setup.configure(_enabled(settings, self._probes))
        self._publisher.rules = await _with_carried(_rules(settings), settings)
        self._configured = settings.maintenance()
        self._maintain()
        outbox = self._notifier.outbox
        prefix = runbooks.link_prefix(
            settings[alert_keys.RUNBOOKS],
            settings[alert_keys.INSTANCE],
            self._web.current.scheme,
        )
        outbox.sender = dataclasses.replace(outbox.sender, runbooks=prefix)
        self._note_reload(accepted=True)
        _log.info("configuration reloaded")
        for key in KEYS:
            if key.restart and settings[key] != self._settings[key]:
                _log.warning("change takes effect after a restart", key=key.path)
        if settings.labels() != self._settings.labels():
            _log.warning("change takes effect after a restart", key=label_keys.SECTION)


def _enabled(settings: Settings, probes: Iterable[Probe]) -> list[str]:
    return [probe.name for probe in settings.probes(probes) if probe.enabled]


def _rules(settings: Settings) -> Rules:
    policy = settings.alerts() if settings[alert_keys.ENABLED] else None
    return Rules(settings.thresholds(), settings.shapes(), policy, reserve=settings.reserve())


async def _with_carried(rules: Rules, settings: Settings) -> Rules:
    """The rules with what another host has learnt, if the settings name a file that has it."""
    path = settings[LEARNT]
    return dataclasses.replace(rules, carried=await load(path)) if path else rules


def _boot(source: Source) -> str:
    """The boot id of dom0; empty if the source has none."""
    try:
        return source.read(BOOT_ID).decode("ascii", "replace").strip()
    except SourceError:
        return ""
