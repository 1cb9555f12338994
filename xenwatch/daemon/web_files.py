"""Follows the web configuration file, and the certificates and keys it names."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from xenwatch import threads
from xenwatch.config.errors import ConfigError
from xenwatch.web_config.load import PLAIN, Loader, WebConfig

EVERY: Final = 5.0
"""Seconds between two readings of the files."""

_log = structlog.get_logger()


class WebFiles:
    """Reads the files of `loader` at once, which may raise `ConfigError`, and follows them.

    `current` is the newest that is valid. What would switch TLS on or off, or authentication off,
    needs a restart: a file that is being written may be empty for a moment.
    """

    def __init__(self, loader: Loader) -> None:
        self.current = loader.load() or PLAIN
        self._loader = loader
        self._look = asyncio.Event()
        self._problems: tuple[str, ...] = ()
        for warning in self.current.warnings:
            _log.warning("web configuration", problem=warning)

    def newest(self) -> WebConfig:
        """`current`, for those that ask each time."""
        return self.current

    def look_now(self) -> None:
        """Read the files now, not only at the next turn."""
        self._look.set()

    async def run(self) -> None:
        """Read the files at intervals until cancelled; one that hangs costs one thread."""
        while self._loader.path:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._look.wait()
            self._look.clear()
            await self.look()

    async def look(self) -> None:
        """Read the files once: what is invalid is logged and not used."""
        try:
            found = await threads.start(self._loader.load, "web configuration")
            problems = () if found is None else self._needs_restart(found)
        except ConfigError as error:
            found, problems = None, error.problems
        except Exception as error:  # noqa: BLE001 - no file may end a daemon that works
            found, problems = None, (repr(error),)
        if problems != self._problems:
            for problem in problems:
                _log.error("web configuration rejected; keeping the current one", problem=problem)
        self._problems = problems
        if found is not None and not problems:
            self.current = found
            _log.info("web configuration reloaded")
            for warning in found.warnings:
                _log.warning("web configuration", problem=warning)

    def _needs_restart(self, found: WebConfig) -> tuple[str, ...]:
        path, problems = self._loader.path, []
        if found.scheme != self.current.scheme:
            to = "on" if found.context is not None else "off"
            problems.append(f"{path}: switches TLS {to}: restart xenwatch")
        if self.current.users and not found.users:
            problems.append(f"{path}: switches basic authentication off: restart xenwatch")
        return tuple(problems)
