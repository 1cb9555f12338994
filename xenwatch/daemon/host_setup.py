"""Sets up what some probes need on the host, while the probe is enabled and the daemon runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import structlog

from xenwatch import progress, threads
from xenwatch.progress import Course
from xenwatch.sources.base import SourceError

DEADLINE: Final = 5.0
"""Seconds for one setup or removal; one that gets on may take longer."""

RETRY: Final = 30.0
"""Seconds after which what has failed is tried again: a read of it keeps it from being removed."""

RENEW: Final = 3600.0
"""Seconds after which it is set up again, which drops the counts of ended threads."""

_log = structlog.get_logger()


class Tool(Protocol):
    """Something a probe needs on the host. Both methods raise `SourceError` and are idempotent."""

    def set_up(self) -> None:
        """Set it up, replacing an earlier one."""
        ...

    def remove(self) -> None:
        """Remove it, including one left behind by an earlier process."""
        ...


class HostSetup:
    """The tools by name of probe, set up for the enabled probes."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        enabled: Iterable[str],
        renew: float = RENEW,
        retry: float = RETRY,
    ) -> None:
        self._tools = tools
        self._renew = renew
        self._retry = retry
        self._wanted = frozenset(enabled)
        self._set_up: dict[str, bool] = {}
        self._changed = asyncio.Event()

    def configure(self, enabled: Iterable[str]) -> None:
        """Set up the tools of these probes from now on, and remove the others."""
        self._wanted = frozenset(enabled)
        self._changed.set()

    async def run(self) -> None:
        """Set up and remove as configured, until cancelled; leftovers are removed at once."""
        failed: dict[str, bool] = {}
        while True:
            self._changed.clear()
            for name, tool in self._tools.items():
                wanted = name in self._wanted
                if name in failed or self._set_up.get(name) is not wanted:
                    self._set_up[name] = wanted
                    known = failed.pop(name, None) is wanted
                    if not await _applied(name, tool, wanted, known):
                        failed[name] = wanted
            try:
                async with asyncio.timeout(self._retry if failed else self._renew):
                    await self._changed.wait()
            except TimeoutError:
                if not failed:
                    self._set_up = {name: False for name, done in self._set_up.items() if not done}

    def close(self) -> None:
        """Remove what was set up. Raises `SourceError`."""
        for name, is_set_up in self._set_up.items():
            if is_set_up:
                self._tools[name].remove()


async def _applied(name: str, tool: Tool, wanted: bool, known: bool) -> bool:
    """Whether it was set up or removed; a failure is logged unless it is `known`."""
    work = tool.set_up if wanted else tool.remove
    try:
        await _done(threads.launch(work, f"setup-{name}"))
    except (SourceError, TimeoutError, RuntimeError) as error:
        if not known:
            what = "setup" if wanted else "cleanup"
            reason = str(error) or "timed out"
            _log.warning(f"probe {what} failed; retrying", probe=name, reason=reason)
        return False
    if wanted:
        _log.info("probe set up", probe=name)
    return True


async def _done(running: threads.Started[None]) -> None:
    """Wait for a thread. Raises `TimeoutError` once it is given up, and what the thread raises."""
    loop = asyncio.get_running_loop()
    course = Course(DEADLINE, loop.time(), running.spent)
    while not course.is_given_up:
        pause = course.pause(loop.time(), progress.SELDOM)
        if (await asyncio.wait((running.future,), timeout=pause))[0]:
            return running.future.result()
        course.add(loop.time(), progress.look(running.thread))
    running.future.cancel()
    raise TimeoutError
