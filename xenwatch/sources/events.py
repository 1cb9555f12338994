"""Event streams of the live host, by topic."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from types import ModuleType
from typing import Final

from xenwatch import threads
from xenwatch.sources.base import DOMAINS, LINKS, PROCESSES, SourceError
from xenwatch.sources.watches import domain_events


async def host_events(topic: str, rootfs: str = "/") -> AsyncGenerator[bytes, None]:
    """`Source.events` of the live host; links and processes are this machine's at any `rootfs`."""
    stream = domain_events(rootfs) if topic == DOMAINS else await _multicast(topic)
    async with contextlib.aclosing(stream):
        async for messages in stream:
            yield messages


_NAMES: Final = {LINKS: "link_events", PROCESSES: "process_events"}


async def _multicast(topic: str) -> AsyncGenerator[bytes, None]:
    """The kernel's stream on a topic. The import is slow, so it runs in a thread."""
    try:
        module = await threads.start(_import, "import-pyroute2")
    except (ImportError, RuntimeError) as error:
        raise SourceError("pyroute2", f"cannot be imported: {error}") from error
    stream: AsyncGenerator[bytes, None] = getattr(module, _NAMES[topic])()
    return stream


def _import() -> ModuleType:
    from xenwatch.sources import multicast  # noqa: PLC0415

    return multicast
