"""`xenwatch run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.cli.check_secrets import exposed
from xenwatch.cli.check_trust import trust_problems
from xenwatch.cli.configured import prepare, settings_of
from xenwatch.cli.exit_status import OK, UNKNOWN, USAGE
from xenwatch.cli.options import COMMON, add_key, is_given, name_of
from xenwatch.cli.source import choose
from xenwatch.clock import SystemClock
from xenwatch.config import config_file, secret_file
from xenwatch.config.common_keys import ROOTFS, SOURCE
from xenwatch.config.errors import ConfigError
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings
from xenwatch.config.web_keys import LISTEN, SYSTEMD_SOCKET, WEB_CONFIG
from xenwatch.display.say import say
from xenwatch.probes.qemu_causes import QEMU_WAKEUPS_BY_CAUSE
from xenwatch.web_config.load import Loader, WebConfig

EXITS: Final = {
    OK: "stopped by a signal",
    USAGE: "bad usage, or configuration rejected",
    UNKNOWN: "cannot listen, the host is read by another daemon, or failed",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option for each key of the configuration that has one."""
    for key in KEYS:
        if key.flag and key not in COMMON:
            add_key(parser, key)


def run(options: argparse.Namespace) -> int:
    """Run the daemon until it is stopped.

    Raises `ConfigError`, and `SourceError` if another one reads the host.
    """
    # aiohttp takes a tenth of a second to import; commands of one pass need none of it.
    _import_aiohttp()
    from xenwatch.daemon import interpreter  # noqa: PLC0415
    from xenwatch.daemon.daemon import Daemon  # noqa: PLC0415
    from xenwatch.daemon.host_setup import Tool  # noqa: PLC0415
    from xenwatch.daemon.web_files import WebFiles  # noqa: PLC0415
    from xenwatch.messages.helper import Helper  # noqa: PLC0415
    from xenwatch.sources import host_lock  # noqa: PLC0415
    from xenwatch.sources.kept import raise_limit  # noqa: PLC0415
    from xenwatch.sources.remote import RemoteSource  # noqa: PLC0415
    from xenwatch.sources.tracefs import PollHistograms  # noqa: PLC0415

    settings, source = prepare(options)
    if is_given(options, LISTEN) and settings[SYSTEMD_SOCKET]:
        say(f"{LISTEN.flag} and {name_of(options, SYSTEMD_SOCKET)} are mutually exclusive")
        return USAGE
    if problems := list(trust_problems(settings)):
        raise ConfigError(problems)
    web = WebFiles(Loader(settings[WEB_CONFIG]))
    _log_secrets(settings, getattr(options, "config_file", ""), web.current)
    rootfs = settings[ROOTFS]
    choice = choose(settings[SOURCE], rootfs)
    tools: dict[str, Tool] = {}
    if choice.spec == "host":
        host_lock.hold(rootfs)
        tools = {QEMU_WAKEUPS_BY_CAUSE.name: PollHistograms(rootfs)}
    elif isinstance(source, RemoteSource):
        tools = {QEMU_WAKEUPS_BY_CAUSE.name: source}
    # Without root there is that of the package, in a process of its own.
    helper = Helper() if os.geteuid() == 0 else None
    raise_limit()
    interpreter.give_back()
    threads.keep()

    async def serve() -> int:
        daemon = Daemon(
            settings,
            lambda: settings_of(options),
            source,
            tools=tools,
            helper=helper,
            web=web,
        )
        tuning = asyncio.create_task(interpreter.tune(daemon.ready, SystemClock()))
        try:
            return await daemon.run(choice)
        finally:
            tuning.cancel()

    try:
        return UNKNOWN if asyncio.run(serve()) else OK
    except* Exception:  # noqa: BLE001 - the last line of the log says why
        structlog.get_logger().exception("unexpected error; exiting")
    return UNKNOWN


def _log_secrets(settings: Settings, named: str, web: WebConfig) -> None:
    """Log which secrets every user can read, and which cannot be read."""
    name, exists = config_file.in_use(named)
    for problem in exposed(settings, name if exists else "", web):
        structlog.get_logger().warning("a secret is exposed", problem=problem)
    for problem in secret_file.problems(settings):
        structlog.get_logger().error("a secret cannot be read", problem=problem)


def _import_aiohttp() -> None:
    from xenwatch.delivery.trust import no_authorities  # noqa: PLC0415

    with no_authorities():
        import aiohttp  # noqa: F401, PLC0415
