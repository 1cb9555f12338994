"""How long scrapes take: of a daemon, and of a server that has the same bytes and does no more.

`python -m tests.benchmarks.scrapes PORT FILE` is that server.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web


async def latencies(urls: Sequence[str], clients: int, seconds: float) -> list[list[float]]:
    """Seconds of each scrape, by URL, of so many clients that ask all of them in turn."""
    found: list[list[float]] = [[] for _ in urls]
    until = time.monotonic() + seconds

    async def client(first: int) -> None:
        streams = [await asyncio.open_connection("127.0.0.1", _port(url)) for url in urls]
        number = first
        while time.monotonic() < until:
            which = number % len(urls)
            before = time.monotonic()
            await _ask(*streams[which])
            found[which].append(time.monotonic() - before)
            number += 1
        for _, writer in streams:
            writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    await reader.readexactly(length)


def _port(url: str) -> int:
    return int(url.split(":")[2].partition("/")[0])


def main(port: str, name: str) -> None:
    """Serve the bytes of a file."""
    body = Path(name).read_bytes()

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", page)
    web.run_app(application, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
