"""The daemon, node_exporter and an idle Python at once, and what the daemon says of its host."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.strangers import Address
from tests.e2e.programs import free_port
from tests.running import ROOT
from tests.support import labelled, series
from tests.tools import tool
from xenwatch.alerts.declared import record_failing
from xenwatch.config.alert_keys import KEEP

DISK: Final = "16m"
"""Size of the file system that has the daemon's log and state."""
RECOVERY: Final = 120.0
"""Seconds that the daemon has for the numbers to be right again."""
IDLE: Final = (
    "import signal, sys\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
    "print(flush=True)\n"
    "while True: signal.pause()\n"
)
"""A Python that waits for SIGTERM and does nothing else."""
RISING: Final = ("_total", "_bucket", "_count", "_sum")
"""Ends of the names of counters."""
NUMBER: Final = re.compile(r"xenwatch_(?!probe_|snapshot_|config_|web_|maintenance|record_)")
"""Names of metrics that tell of the host."""

Key = tuple[str, frozenset[tuple[str, str]]]
Numbers = Mapping[Key, float]
"""Values by name and labels."""


@dataclass(frozen=True, slots=True)
class Program:
    """One that runs: the process, where it listens (nowhere: port 0), and its log."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    @property
    def address(self) -> Address:
        """Where it listens."""
        return "127.0.0.1", self.port

    def end(self) -> float:
        """Seconds from SIGTERM until it has ended."""
        before = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        return time.monotonic() - before

    def events(self) -> list[dict[str, Any]]:
        """The lines of its log, as far as they are whole."""
        found = []
        for line in self.log.read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs at once, and the directory of the daemon's log, a file system of its own."""

    ours: Program
    theirs: Program
    idle: Program
    directory: Path

    def __iter__(self) -> Iterator[Program]:
        return iter((self.ours, self.theirs, self.idle))


@contextlib.contextmanager
def disk() -> Iterator[Path]:
    """A small file system. Raises `subprocess.CalledProcessError` where none can be mounted."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def programs(module: str = "xenwatch run") -> Iterator[Programs]:
    """The daemon, every probe of which has run, node_exporter, and an idle Python."""
    port, other = free_port(), free_port()
    ours = [sys.executable, "-m", *module.split(), "--source", "synthetic:xcp-ng-8.3"]
    ours += ["--web.listen-address", f"127.0.0.1:{port}"]
    theirs = [tool("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{other}"]
    idle = [sys.executable, "-c", IDLE]
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(disk())
        (directory / "state").mkdir(mode=0o700)
        environment = {**os.environ, "STATE_DIRECTORY": str(directory / "state")}

        def run(name: str, argv: list[str], port: int) -> Program:
            # Without descriptors node_exporter logs 2 MB a minute, which would fill the disk.
            log = directory / "xenwatch.log" if name == "xenwatch" else Path(os.devnull)
            process = stack.enter_context(
                subprocess.Popen(
                    argv,
                    cwd=ROOT,
                    env=environment,
                    stdout=subprocess.PIPE if not port else subprocess.DEVNULL,
                    stderr=stack.enter_context(log.open("ab")),
                )
            )
            stack.callback(process.kill)
            return Program(name, process, port, log)

        found = Programs(
            run("xenwatch", ours, port),
            run("node_exporter", theirs, other),
            run("idle", idle, 0),
            directory,
        )
        assert found.idle.process.stdout is not None
        found.idle.process.stdout.readline()
        yield found


async def page(address: Address) -> bytes:
    """The daemon's metrics, however long they take."""
    while True:
        with contextlib.suppress(OSError, EOFError):
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.closing(writer):
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"HTTP/1.1 200"):
                    return await reader.read()
        await asyncio.sleep(0.2)


async def next_page(address: Address) -> bytes:
    """The first page with newer readings than there are now, of which every probe has run."""
    name = "xenwatch_snapshot_timestamp_seconds"
    before = labelled(name, await page(address)).get((), 0.0)
    while True:
        found = await page(address)
        if labelled(name, found).get((), before) != before and b"xenwatch_vm_headroom{" in found:
            return found
        await asyncio.sleep(0.5)


def numbers(page: bytes) -> dict[Key, float]:
    """What a page says of the host; an alert that is pending counts as one that fires."""
    found: dict[Key, float] = {}
    for (name, labels), value in series(page).items():
        if name == "xenwatch_alert_state":
            key = name, frozenset(labels - {("state", "pending"), ("state", "firing")})
            found[key] = max(value, found.get(key, 0.0))
        elif NUMBER.match(name):
            found[name, labels] = value
    return found


async def steady(address: Address) -> Numbers:
    """What the host's metrics say that does not change while it stands still, and its counters."""
    before, after = numbers(await next_page(address)), numbers(await next_page(address))
    return {
        key: value
        for key, value in after.items()
        if key[0].endswith(RISING) or before.get(key) == value
    }


def is_right(name: str, before: float, now: float | None) -> bool:
    """Whether a number is what it was; a counter may have risen."""
    return now is not None and (now >= before if name.endswith(RISING) else now == before)


async def differences(address: Address, before: Numbers, lasted: float) -> tuple[str, ...]:
    """The numbers that are not what they were, once there are none or the time is over.

    A fault of `lasted` seconds may have fired XenwatchRecordFailing, which then has to end too.
    """
    fired = lasted >= record_failing.ALERT.seconds
    until = time.monotonic() + RECOVERY + (KEEP.default if fired else 0.0)
    while True:
        found = numbers(await next_page(address))
        wrong = [
            f"{name}{dict(labels)}: {found.get((name, labels))} instead of {value}"
            for (name, labels), value in before.items()
            if not is_right(name, value, found.get((name, labels)))
        ]
        wrong += [
            f"{name}{dict(labels)}: was not there"
            for name, labels in found.keys() - before.keys()
            if name == "xenwatch_alert_state"
        ]
        if not wrong or time.monotonic() > until:
            return tuple(wrong[:5])
