"""What a stranger can do to a daemon's web server, and the same to node_exporter in the same run.

Run by itself: `python -m tests.benchmarks.strangers`; it prints what docs/reliability.md shows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.benchmarks.programs import daemon, node_exporter, scraped
from tests.benchmarks.results import percentile
from tests.benchmarks.table import IDLE
from tests.e2e.programs import free_port
from tests.shown import ROOT
from xenwatch.probes import PROBES

Address = tuple[str, int]

LARGE: Final = 1000
"""VMs of the host whose parts are asked for."""
SILENT: Final = 1000
"""Connections that say nothing."""
FOREVER: Final = 3600.0
DESCRIPTORS: Final = 4096
"""As LimitNOFILE= of the unit."""
BAD: Final = (
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03",
    b"GET /metrics?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /metrics?collect[]=" + b"x" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
)
"""Requests that are none, or of nobody who reads the documents."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Fresh connections that were answered, those that were not, and the seconds of each."""

    answered: int
    refused: int
    seconds: Sequence[float]

    def __str__(self) -> str:
        total = self.answered + self.refused
        p99 = 1000 * percentile(self.seconds, 0.99) if self.seconds else float("nan")
        return f"{self.answered} of {total} answered, p99 {p99:.0f} ms"


async def asked(address: Address, path: str, patience: float = 30.0) -> bool:
    """Whether a request on a connection of its own is answered with 200, in full."""
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.closing(writer):
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.read()
                return head.startswith(b"HTTP/1.1 200")
    except (OSError, EOFError, TimeoutError):
        return False


async def fresh(address: Address, paths: Sequence[str], seconds: float) -> Asked:
    """Ask for the paths in turn, each on a new connection, five times a second."""
    answered, refused, found = 0, 0, []
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        before = time.monotonic()
        if await asked(address, paths[number % len(paths)]):
            answered += 1
        else:
            refused += 1
        number += 1
        found.append(time.monotonic() - before)
        await asyncio.sleep(0.2)
    return Asked(answered, refused, found)


def flood(address: Address, idle: int, every: float, ready: object) -> None:
    """Keep so many connections open that say nothing, and replace one each `every` seconds."""
    more_descriptors()
    held: list[socket.socket] = []
    while True:
        try:
            held.append(socket.create_connection(address, 5))
        except OSError:
            time.sleep(0.01)
            continue
        if len(held) < idle:
            continue
        ready.set()  # type: ignore[attr-defined]
        time.sleep(every)
        held.pop(0).close()


@contextlib.contextmanager
def flooded(address: Address, idle: int, every: float) -> Iterator[None]:
    """The same in a process of its own, for the time of a block, once they are all open."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=flood, args=(address, idle, every, ready), daemon=True)
    process.start()
    try:
        ready.wait(60)
        yield
    finally:
        process.kill()
        process.join()


def more_descriptors() -> None:
    """Have as many descriptors as this process may."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def memory(pid: int, field: str) -> float:
    """MB of a process, as /proc/PID/status has them."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6


def forget_peak(pid: int) -> None:
    """Have its VmHWM begin anew (proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def address_of(url: str) -> Address:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 80)


@dataclass(frozen=True, slots=True)
class Small:
    """A daemon over a small synthetic host, and the file that is its log."""

    process: subprocess.Popen[bytes]
    address: Address
    log: Path

    def logged(self) -> str:
        """Bytes, lines and tracebacks of its log."""
        data = self.log.read_bytes()
        lines = data.count(b"\n")
        return f"{len(data):,} bytes, {lines} lines, {data.count(b'Traceback')} tracebacks"


@contextlib.contextmanager
def small(descriptors: int = DESCRIPTORS) -> Iterator[Small]:
    """A daemon as it runs by default, with so many descriptors."""
    port = free_port()
    argv = (
        *("prlimit", f"--nofile={descriptors}"),
        *(sys.executable, "-m", "xenwatch", "run", "--source", "synthetic:xcp-ng-8.3"),
        *("--web.listen-address", f"127.0.0.1:{port}"),
    )

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "log"
        with (
            open(path, "wb") as log,
            subprocess.Popen(argv, cwd=ROOT, stderr=log) as process,
        ):
            try:
                scraped(f"http://127.0.0.1:{port}/-/ready")
                yield Small(process, ("127.0.0.1", port), path)
            finally:
                process.kill()


async def parts(vms: int, seconds: float) -> None:
    """Many clients ask for another part of the page each time, without a pause."""
    names = [probe.name for probe in PROBES]
    with daemon(vms, IDLE) as served:
        address, pid = address_of(served.url), served.process.pid
        scraped(served.url)
        print(f"{vms} VMs: at rest {memory(pid, 'VmRSS'):.0f} MB", flush=True)
        for clients in (5, 10, 20):
            forget_peak(pid)
            until = time.monotonic() + seconds
            answered = Counter[bool]()

            async def client(number: int, until: float, answered: Counter[bool]) -> None:
                pairs = itertools.permutations(names, 2)
                for one, other in itertools.islice(pairs, number * 100, None):
                    path = f"/metrics?exclude[]={one}&exclude[]={other}"
                    answered[await asked(address, path, 120)] += 1
                    if time.monotonic() > until:
                        return

            tasks = [asyncio.create_task(client(each, until, answered)) for each in range(clients)]
            found = await fresh(address, ("/metrics",), seconds)
            await asyncio.gather(*tasks)
            peak = memory(pid, "VmHWM")
            print(
                f"{clients} clients: at most {peak:.0f} MB, {answered[True]} parts answered, "
                f"{answered[False]} not; /metrics meanwhile: {found}",
                flush=True,
            )


async def slow(vms: int) -> None:
    """More clients than there are places ask for the whole page, and read nothing of it."""
    with daemon(vms, IDLE) as served:
        address, pid = address_of(served.url), served.process.pid
        scraped(served.url)
        forget_peak(pid)
        socks = [socket.socket() for _ in range(60)]
        for sock in socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(address)
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(2)
        found = await fresh(address, ("/metrics",), 5)
        print(f"60 that do not read: at most {memory(pid, 'VmHWM'):.0f} MB; {found}", flush=True)
        for sock in socks:
            sock.close()


async def idle(seconds: float) -> None:
    """Connections that say nothing, and thousands more each second."""
    floods = ((140, FOREVER), (SILENT, FOREVER), (SILENT, 0.0003))
    paths = ("/metrics", "/-/healthy"), ("/metrics", "/")
    with small() as ours, node_exporter() as (_, url):
        for held, every in floods:
            for name, address, asks in (
                ("xenwatch", ours.address, paths[0]),
                ("node_exporter", address_of(url), paths[1]),
            ):
                with flooded(address, held, every):
                    found = await fresh(address, asks, seconds)
                more = "" if every == FOREVER else f", {1 / every:,.0f} others a second at most"
                print(f"{held} idle{more}: {name}: {found}", flush=True)
        print("log:", ours.logged(), flush=True)


async def bad(number: int) -> None:
    """Requests that are none, and connections that end in the middle."""
    with small() as ours:
        print("log before:", ours.logged(), flush=True)
        for turn in range(number):
            with contextlib.suppress(OSError), socket.create_connection(ours.address, 5) as sock:
                sock.sendall(BAD[turn % len(BAD)])
                if turn % 2:
                    sock.settimeout(0.2)
                    sock.recv(100)
        print(f"{number} bad requests: log", ours.logged(), flush=True)


async def descriptors() -> None:
    """All descriptors of the daemon are used up by connections."""
    with small(80) as ours:
        reader, writer = await asyncio.open_connection(*ours.address)
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"healthy\n")
        socks = [socket.socket() for _ in range(200)]
        for sock in socks:
            sock.setblocking(False)
            sock.connect_ex(ours.address)
        await asyncio.sleep(10)
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        with contextlib.suppress(TimeoutError, EOFError, OSError):
            async with asyncio.timeout(5):
                print("existing connection:", await reader.readline(), flush=True)
        found = await fresh(ours.address, ("/metrics",), 3)
        print("fresh meanwhile:", found, flush=True)
        for sock in socks:
            sock.close()
        writer.close()
        print("descriptors used up: log", ours.logged(), flush=True)


def main() -> None:
    """Attack, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--vms", type=int, default=LARGE)
    options = parser.parse_args()
    more_descriptors()
    attacks: dict[str, Callable[[], object]] = {
        "parts": lambda: parts(options.vms, options.seconds / 2),
        "slow": lambda: slow(options.vms),
        "idle": lambda: idle(options.seconds),
        "bad": lambda: bad(1919),
        "descriptors": descriptors,
    }
    os.environ["PYTHONPATH"] = str(ROOT)
    for name in options.attacks or attacks:
        asyncio.run(attacks[name]())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
