"""Programs that are measured while they run: daemons of ours, node_exporter, a bare web server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.programs import free_port
from tests.shown import ROOT
from tests.tools import tool

PATIENCE: Final = 300.0
"""Seconds until a daemon is ready: a host of a thousand VMs has to be made first."""
TELLING: Final = """\
import atexit, sys
atexit.register(lambda: sys.stderr.write(
    open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]))
"""
"""Has a Python say at its end how many KiB of memory it had at most."""


@dataclass(frozen=True, slots=True)
class Served:
    """A daemon over a synthetic host, see `daemon_cost`."""

    process: subprocess.Popen[str]
    url: str

    def cost(self) -> float:
        """CPU seconds that it has had so far, without those of the synthetic host."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, float] = json.loads(self.process.stdout.readline())
        return found["cpu"] - found["model"]


@contextlib.contextmanager
def told_ready(argv: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program that has told its manager READY=1, as systemd starts it; SIGTERM ends it."""
    with (
        tempfile.TemporaryDirectory() as name,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        address = f"{name}/notify"
        manager.bind(address)
        manager.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": address}
        with subprocess.Popen(argv, cwd=ROOT, env=environment, text=True, **options) as process:
            try:
                while b"READY=1" not in manager.recv(4096):
                    pass
                yield process
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            finally:
                process.kill()


@contextlib.contextmanager
def daemon(vms: int, state: str, *options: str) -> Iterator[Served]:
    """A daemon over a host with so many HVM VMs."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.benchmarks.daemon_cost", str(vms), state, str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with told_ready([*argv, *options], **pipes) as process:
        yield Served(process, f"http://127.0.0.1:{port}/metrics")


@contextlib.contextmanager
def reader(vms: int, state: str) -> Iterator[str]:
    """A reader of such a host, in a process of its own: the option with which to ask it."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "socket")
        argv = [sys.executable, "-m", "tests.benchmarks.hosts", str(vms), state, str(path)]
        with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield f"--source=reader:{path}"
            finally:
                process.kill()


@contextlib.contextmanager
def front(source: str) -> Iterator[tuple[int, str]]:
    """`xenwatch run` as systemd starts it, over a reader: its pid and metrics, once it is ready."""
    port = free_port()
    argv = [sys.executable, "-m", "xenwatch", "run", source, "--log.level=error"]
    with told_ready([*argv, f"--web.listen-address=127.0.0.1:{port}"]) as process:
        yield process.pid, f"http://127.0.0.1:{port}/metrics"


@contextlib.contextmanager
def listening(argv: Sequence[str], **options: Any) -> Iterator[tuple[int, str]]:
    """A program that listens at the port that stands for `{port}`: its pid and metrics."""
    port = free_port()
    words = [word.format(port=port) for word in argv]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    with subprocess.Popen(words, cwd=ROOT, **quiet) as process:
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            scraped(url)
            yield process.pid, url
        finally:
            process.kill()


def node_exporter() -> contextlib.AbstractContextManager[tuple[int, str]]:
    """node_exporter as Debian has it, with its own choice of collectors."""
    return listening([tool("prometheus-node-exporter"), "--web.listen-address=127.0.0.1:{port}"])


def scraped(url: str) -> bytes:
    """One scrape; at first the program may not listen yet."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=120) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def cpu_seconds(pid: int) -> float:
    """CPU time a process has had, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> float:
    """MiB of memory a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def ended(code: str, *arguments: str) -> tuple[float, float]:
    """CPU seconds and MiB of a Python that has run this code to its end.

    It says itself how much it had: what wait4(2) has as the most includes the memory of the
    process that started it.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", TELLING + code, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, int(said.split()[-1]) / 1024
