"""What some probes need set up on the host: there while the probe is on and the daemon runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import structlog

from xenwatch import threads
from xenwatch.sources.base import SourceError

DEADLINE: Final = 5.0
"""Seconds setting something up or removing it may take."""

RENEW: Final = 3600.0
"""Seconds after which what is there is set up anew: what it keeps of threads long gone goes."""

_log = structlog.get_logger()


class Tool(Protocol):
    """Something a probe needs on the host. Both verbs raise `SourceError` and may be repeated."""

    def set_up(self) -> None:
        """Have it there, as new."""
        ...

    def remove(self) -> None:
        """Leave nothing of it, nor of one that was left behind."""
        ...


class Equipment:
    """The tools by name of probe, set up for the probes that are on."""

    def __init__(
        self, tools: Mapping[str, Tool], enabled: Iterable[str], renew: float = RENEW
    ) -> None:
        self._tools = tools
        self._renew = renew
        self._wanted = frozenset(enabled)
        self._there: dict[str, bool] = {}
        self._changed = asyncio.Event()

    def want(self, enabled: Iterable[str]) -> None:
        """Have other probes on from now on."""
        self._wanted = frozenset(enabled)
        self._changed.set()

    async def run(self) -> None:
        """Set up and remove as wanted, until cancelled; what was left behind goes at once."""
        while True:
            self._changed.clear()
            for name, tool in self._tools.items():
                wanted = name in self._wanted
                if self._there.get(name) is not wanted:
                    self._there[name] = wanted
                    await _settle(name, tool, wanted)
            try:
                async with asyncio.timeout(self._renew):
                    await self._changed.wait()
            except TimeoutError:
                self._there = {name: False for name, there in self._there.items() if not there}

    def close(self) -> None:
        """Remove what was set up. Raises `SourceError`."""
        for name, there in self._there.items():
            if there:
                self._tools[name].remove()


async def _settle(name: str, tool: Tool, wanted: bool) -> None:
    work = tool.set_up if wanted else tool.remove
    try:
        async with asyncio.timeout(DEADLINE):
            await threads.start(work, f"equipment-{name}")
    except (SourceError, TimeoutError, RuntimeError) as error:
        what = "setup" if wanted else "cleanup"
        _log.warning(f"probe {what} failed", probe=name, reason=str(error) or "timed out")
    else:
        if wanted:
            _log.info("probe set up", probe=name)
