"""A host that has not enough of something, and the daemon and node_exporter on it, at once.

Run by itself, as root: `python -m tests.benchmarks.faults --minutes 10`; it prints the table of
docs/reliability.md, and ends with 1 if a promise was not kept. The daemon's host is SYNTHETIC and
stands still: what its metrics say before a fault they must say after it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager as Context
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.beside import Programs, differences, programs, steady
from tests.benchmarks.results import percentile
from tests.benchmarks.strangers import Asked, fresh
from tests.cgroups import controller
from tests.running import ROOT

HOGS: Final = 50
"""Busy processes, each in a cgroup of its own."""
SPARE_BYTES: Final = 8 << 20
"""Memory that a program may still take."""
LONGEST: Final = 10.0
"""Seconds that no scrape may take."""
TIMES: Final = 3.0
"""How many times as long as the peer a scrape or the end may take."""
PROMISED: Final = 1.0
"""Seconds within which a signal ends the daemon, however soon an idle Python ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a fault: scrapes, seconds until each Python had ended, and what was wrong."""

    fault: str
    ours: Asked
    theirs: Asked
    ended: float
    idle_ended: float
    status: int
    failed: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, save those about time."""
        found = [*self.failed, *self.wrong]
        if self.ours.refused:
            found.append(f"{self.ours.refused} scrapes were not answered")
        if self.status:
            found.append(f"ended with status {self.status}")
        return found

    @property
    def late(self) -> list[str]:
        """Those about time that were not kept."""
        ours, theirs = (percentile(each.seconds, 0.99) for each in (self.ours, self.theirs))
        found = []
        if ours > TIMES * theirs:
            found.append(f"p99 {ours:.2f} s beside {theirs:.2f} s")
        if (slowest := max(self.ours.seconds)) > LONGEST:
            found.append(f"a scrape took {slowest:.2f} s")
        if self.ended > max(PROMISED, TIMES * self.idle_ended):
            found.append(f"ended after {self.ended:.2f} s beside {self.idle_ended:.2f} s")
        return found

    def __str__(self) -> str:
        ended = f"{self.ended:.2f} s | {self.idle_ended:.2f} s"
        return f"| `{self.fault}` | {self.ours} | {self.theirs} | {ended} |"


HEAD: Final = """\
| Fault | xenwatch | node_exporter | xenwatch: SIGTERM to exit | idle Python: SIGTERM to exit |
| --- | --- | --- | --- | --- |"""

Fault = Callable[[Programs, float], Context[None]]
"""Holds for the block; how long it may take to begin, in seconds, is the second argument."""


@contextlib.contextmanager
def nothing(_: Programs, __: float) -> Iterator[None]:
    """No fault: what the others are compared with."""
    yield


@contextlib.contextmanager
def busy(found: Programs, _: float) -> Iterator[None]:
    """Each of the programs competes with fifty busy processes, each with its own cgroup."""
    cpu = controller("cpu")
    argv = [sys.executable, "-S", "-c", "while True: pass"]
    with contextlib.ExitStack() as stack:
        for program in found:
            cpu.join(stack.enter_context(cpu.group()), program.pid)
        for _number in range(HOGS):
            group = stack.enter_context(cpu.group())
            hog = stack.enter_context(subprocess.Popen(argv))
            stack.callback(hog.kill)
            cpu.join(group, hog.pid)
        yield


@contextlib.contextmanager
def memory(found: Programs, _: float) -> Iterator[None]:
    """Each of the programs may take a little more memory than it has."""
    its = controller("memory")
    limit = "memory.limit_in_bytes" if its.version == 1 else "memory.max"
    with contextlib.ExitStack() as stack:
        for program in found:
            # What it has stays counted where it was when it took it.
            group = stack.enter_context(its.group())
            (group / limit).write_text(str(SPARE_BYTES))
            its.join(group, program.pid)
        yield


@contextlib.contextmanager
def full(found: Programs, _: float) -> Iterator[None]:
    """The file system of the logs and of the daemon's state is full."""
    filler = found.directory / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def descriptors(found: Programs, _: float) -> Iterator[None]:
    """Each of the programs may open one descriptor more than it has."""
    before = {}
    for program in found:
        most = max(map(int, os.listdir(f"/proc/{program.pid}/fd"))) + 1
        before[program.pid] = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
        hard = before[program.pid][1]
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most + 1, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def tasks(found: Programs, _: float) -> Iterator[None]:
    """None of the programs may start a thread or a process."""
    its = controller("pids")
    with contextlib.ExitStack() as stack:
        for program in found:
            group = stack.enter_context(its.group())
            its.join(group, program.pid)
            (group / "pids.max").write_text((group / "pids.current").read_text())
        yield


@contextlib.contextmanager
def stopped(found: Programs, seconds: float) -> Iterator[None]:
    """The programs were stopped for that time; what follows is how they are right after it."""
    for program in found:
        program.process.send_signal(signal.SIGSTOP)
    time.sleep(min(seconds, 120.0))
    for program in found:
        program.process.send_signal(signal.SIGCONT)
    yield


def clock(number: int) -> Fault:
    """The daemon's wall clock is set by two hours, and set right afterwards."""

    @contextlib.contextmanager
    def fault(found: Programs, _: float) -> Iterator[None]:
        found.ours.process.send_signal(number)
        try:
            yield
        finally:
            if found.ours.process.poll() is None:
                found.ours.process.send_signal(signal.SIGRTMIN)

    return fault


CLOCK: Final = "tests.daemon.set_clock"
FAULTS: Final[Mapping[str, Fault]] = {
    "nothing": nothing,
    "busy": busy,
    "memory": memory,
    "disk": full,
    "descriptors": descriptors,
    "tasks": tasks,
    "stopped": stopped,
    "clock-back": clock(signal.SIGUSR1),
    "clock-forward": clock(signal.SIGUSR2),
}


async def run(name: str, seconds: float) -> Row:
    """A fault for so many seconds, then none until the numbers are right, then again to the end."""
    fault = FAULTS[name]
    with programs(CLOCK if name.startswith("clock") else "xenwatch run") as found:
        address = found.ours.address
        before = await steady(address)
        assert len(before) > 100
        with fault(found, seconds):
            ours, theirs = await asyncio.gather(
                *(
                    fresh(each.address, ("/metrics",), seconds)
                    for each in (found.ours, found.theirs)
                )
            )
        wrong = await differences(address, before, seconds)
        with fault(found, min(seconds, 2.0)):
            idle_ended, ended = found.idle.end(), found.ours.end()
        failed = tuple(
            f"{event['probe']}: {event['reason']}"
            for event in found.ours.events()
            if event["event"] == "probe failed"
        )
        status = found.ours.process.returncode
    return Row(name, ours, theirs, ended, idle_ended, status, failed, wrong)


def main() -> int:
    """Run the faults one after another, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", choices=[[], *FAULTS])
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    print(HEAD, flush=True)
    kept = True
    for name in options.faults or FAULTS:
        row = asyncio.run(run(name, 60 * options.minutes))
        print(row, flush=True)
        for problem in (*row.broken, *row.late):
            kept = False
            print(f"{name}: {problem}", file=sys.stderr, flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
