"""A fleet: many synthetic hosts from one process, to try Prometheus, rules and dashboards on.

One host of each kind is read as the daemon reads it, and all hosts of the kind serve its metrics.
Every site has the same names of hosts. Prometheus finds them at /sd (http_sd_configs) or in a file
(file_sd_configs), with the labels `pool` and `site`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from xenwatch import log
from xenwatch.assessment import Rules
from xenwatch.cli.option_values import between
from xenwatch.cli.source import open_source
from xenwatch.clock import SystemClock
from xenwatch.config.converters import address
from xenwatch.config.settings import Settings
from xenwatch.display.text import shown
from xenwatch.exposition.negotiation import wants_gzip
from xenwatch.model.devices import vm
from xenwatch.model.fill import fill
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.source import ModelSource
from xenwatch.passes.publisher import Publisher
from xenwatch.passes.scheduler import Scheduler
from xenwatch.sources.base import Source, SourceError

PLATFORM: Final = PLATFORMS["debian-12"]
MOST_HOSTS: Final = 100_000
"""Of a site: more than any has."""
MOST_VMS: Final = 10_000
"""Of a host: more than any has headroom for."""


class FleetError(Exception):
    """Why there is no such fleet, and the next step."""


def healthy(vms: int) -> Source:
    """A host with so many HVM VMs of one vCPU, disk and network interface. Raises `FleetError`."""
    machine = Machine(PLATFORM)
    filled = fill(machine, vm(PLATFORM, "hvm"), vms)
    if filled.vms < vms:
        raise FleetError(f"--vms: a host has headroom for {filled.vms}: {filled.refusal}")
    return ModelSource(machine)


def faulty(text: str) -> tuple[str, int]:
    """Source and number of hosts of `SOURCE=N`. Raises `ArgumentTypeError`."""
    source, _, number = text.rpartition("=")
    if not source:
        raise argparse.ArgumentTypeError("must be SOURCE=N, as in synthetic:storage-hung@120=15")
    return source, between(0, MOST_HOSTS)(number)


def place(text: str) -> str:
    """An address to listen on. Raises `ArgumentTypeError`."""
    try:
        address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shown(text)} {error}") from None
    return text


def sites(text: str) -> tuple[str, ...]:
    """The names of sites, each once; they are part of addresses. Raises `ArgumentTypeError`."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise argparse.ArgumentTypeError(f"{name!r} must be letters, digits, - and _")
    return names


class Fleet:
    """Hosts of several kinds at several sites, by the path of their metrics.

    `address` is where they are served.
    """

    def __init__(self, kinds: Sequence[tuple[Source, int]], options: argparse.Namespace) -> None:
        settings, clock = Settings(), SystemClock()
        rules = Rules(
            settings.thresholds(), settings.shapes(), settings.alerts(), reserve=settings.reserve()
        )
        self.address: str = options.listen
        self._schedulers = [Scheduler(source, settings.probes(), clock) for source, _ in kinds]
        self._publishers = [Publisher(each, rules, clock) for each in self._schedulers]
        numbers = [number for number, (_, hosts) in enumerate(kinds) for _ in range(hosts)]
        self._hosts = {
            f"/{site}/host{number:04}/metrics": (
                self._publishers[kind],
                {
                    "instance": f"host{number:04}",
                    "pool": f"pool{1 + (number - 1) // options.pool_size}",
                    "site": site,
                },
            )
            for site in options.sites
            for number, kind in enumerate(numbers, 1)
        }

    def targets(self) -> list[dict[str, Any]]:
        """The hosts as Prometheus's service discovery has them."""
        return [
            {"targets": [self.address], "labels": {"__metrics_path__": path, **labels}}
            for path, (_, labels) in self._hosts.items()
        ]

    def application(self) -> web.Application:
        """What serves the hosts, /sd, and /-/ready."""
        app = web.Application()
        app.router.add_get("/sd", self._discovery)
        app.router.add_get("/-/ready", self._ready)
        app.router.add_get("/{site}/{host}/metrics", self._metrics)
        return app

    def work(self) -> Iterator[Any]:
        """The coroutines that read the hosts until cancelled."""
        yield from (scheduler.run() for scheduler in self._schedulers)
        yield from (publisher.run() for publisher in self._publishers)

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(self.targets())

    async def _ready(self, _request: web.Request) -> web.Response:
        complete = all(publisher.complete for publisher in self._publishers)
        return web.Response(status=200 if complete else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        publisher, _ = self._hosts.get(request.path, (None, None))
        if publisher is None or publisher.newest is None:
            raise web.HTTPNotFound if publisher is None else web.HTTPServiceUnavailable
        packed = wants_gzip(request.headers.get("Accept-Encoding", ""))
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=await publisher.body((False, packed)), headers=headers)


async def serve(fleet: Fleet) -> None:
    """Serve the fleet until SIGINT or SIGTERM. Raises `OSError`."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.ensure_future(work) for work in fleet.work()]
    runner = web.AppRunner(fleet.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *address(fleet.address)).start()
        print(f"fleet: {len(fleet.targets())} hosts, see http://{fleet.address}/sd", flush=True)
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await runner.cleanup()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    hosts = between(1, MOST_HOSTS)
    found.add_argument("--hosts", type=hosts, default=100, help="hosts of a site (%(default)s)")
    found.add_argument(
        "--sites", type=sites, default="a", help="names of the sites, as in a,b (%(default)s)"
    )
    found.add_argument("--pool-size", type=hosts, default=16, help="hosts of a pool (%(default)s)")
    found.add_argument(
        "--vms",
        type=between(1, MOST_VMS),
        default=20,
        help="VMs of a healthy host (%(default)s)",
    )
    found.add_argument(
        "--faulty",
        type=faulty,
        action="append",
        default=[],
        metavar="SOURCE=N",
        help="N hosts of each site have this source instead of a healthy host; may be repeated",
    )
    found.add_argument(
        "--listen", type=place, default="127.0.0.1:10731", help="address (%(default)s)"
    )
    found.add_argument("--sd-file", type=Path, help="write a file for file_sd_configs")
    return found


def main() -> int:
    """Serve a fleet. Returns the exit status."""
    options = parser().parse_args()
    log.configure("error", "console")
    try:
        kinds = [(open_source(source), number) for source, number in options.faulty]
        rest = options.hosts - sum(number for _, number in kinds)
        if rest < 0:
            raise FleetError(f"--faulty: {options.hosts - rest} hosts of {options.hosts}")
        fleet = Fleet([*kinds, (healthy(options.vms), rest)], options)
        if options.sd_file:
            options.sd_file.write_text(json.dumps(fleet.targets(), indent=1), encoding="utf-8")
        asyncio.run(serve(fleet))
    except (FleetError, SourceError, OSError, ValueError) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
