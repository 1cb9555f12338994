"""Programs that are measured while they run: daemons of ours, node_exporter, a bare web server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.programs import free_port
from tests.shown import ROOT
from tests.tools import tool

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

    def cost(self) -> dict[str, float]:
        """What it has cost so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, float] = json.loads(self.process.stdout.readline())
        return found


@contextlib.contextmanager
def daemon(vms: int, *options: str) -> Iterator[Served]:
    """A daemon over a host with so many HVM VMs, every probe of which has run."""
    argv = [sys.executable, "-m", "tests.benchmarks.daemon_cost", str(vms), *options]
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Served(process, f"http://127.0.0.1:{int(process.stdout.readline())}/metrics")
            process.communicate(timeout=120)
        finally:
            process.kill()


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
    """CPU time a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
