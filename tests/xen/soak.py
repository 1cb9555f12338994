"""Hours in a real dom0 in which PV guests come and go: what xenwatch keeps, and what it says.

Run by itself: `python -m tests.xen.soak --minutes 60`; it prints what docs/reliability.md shows.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Final

from tests.support import Series
from tests.xen import checks, guests
from tests.xen.conftest import CAPTURES, Machines
from tests.xen.daemon import Daemon, Page
from tests.xen.guests import Shape
from tests.xen.image import image
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS: Final = "log_buf_len=16M"
"""What the kernel says at boot is still there after hundreds of guests."""

SHAPES: Final = {f"soak{number}": Shape("pv") for number in range(6)}
AT_ONCE: Final = 3
"""Guests that run at a time."""
UNITS: Final = ("xenwatch", "xenwatch-reader")
HELD: Final = """for unit in xenwatch xenwatch-reader; do
    pid=$(systemctl show --value --property=MainPID $unit)
    echo $(awk '/^VmRSS:|^Threads:/ {print $2}' /proc/$pid/status) $(ls /proc/$pid/fd | wc -l)
done
"""
"""Memory in KiB, threads and descriptors of both, by awk and ls."""
COMPLAINTS: Final = "journalctl -b -u 'xenwatch*' -o cat | grep -cE '\"(warning|error)\"' || true"
_COUNTER: Final = re.compile(rb"^# TYPE (\S+) counter$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has: MiB of memory, threads, descriptors."""

    mib: float
    threads: int
    descriptors: int


@dataclass(slots=True)
class Soak:
    """What came of it: guests started, what each process held, probes that failed, by how often.

    `backwards` are counters that decreased without a new guest, `wrong` values that were not those
    by other roads at the end, `complaints` the lines of warnings and errors in the journal.
    """

    started: int = 0
    held: dict[str, list[Held]] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    backwards: list[str] = field(default_factory=list)
    wrong: str = ""
    complaints: int = 0

    def growth(self) -> Iterator[tuple[str, str, float]]:
        """By process and what it holds: the last quarter by the one before it, less 1."""
        for unit, held in self.held.items():
            quarter = len(held) // 4
            for name in ("mib", "threads", "descriptors"):
                values = [getattr(each, name) for each in held]
                before, after = values[-2 * quarter : -quarter], values[-quarter:]
                yield unit, name, statistics.median(after) / statistics.median(before) - 1


def held(vm: Vm) -> dict[str, Held]:
    """What both processes hold now."""
    rows = [line.split() for line in vm.run(HELD).splitlines()]
    return {
        unit: Held(int(kib) / 1024, int(threads), int(descriptors))
        for unit, (kib, threads, descriptors) in zip(UNITS, rows, strict=True)
    }


def counters(page: Page) -> Series:
    """Every counter; those that have the name of a guest begin again with it."""
    names = {name.decode() for name in _COUNTER.findall(page.text)}
    return {
        (name, labels): value
        for (name, labels), value in page.series.items()
        if name in names and not SHAPES.keys() & dict(labels).values()
    }


def turn(vm: Vm, name: str, running: list[str]) -> None:
    """Start a guest; the oldest of too many is destroyed."""
    guests.start(vm, name, shapes=SHAPES)
    running.append(name)
    if len(running) > AT_ONCE:
        guests.destroy(vm, running.pop(0))


def soak(daemon: Daemon, seconds: float) -> Soak:
    """Let guests come and go for so long."""
    vm, found, running = daemon.vm, Soak(), list[str]()
    before: Series = {}
    until = time.monotonic() + seconds
    for name in itertools.cycle(SHAPES):
        if time.monotonic() > until:
            break
        turn(vm, name, running)
        found.started += 1
        page = daemon.page()
        now = counters(page)
        found.backwards += [
            f"{key}: {was:g} to {now[key]:g}"
            for key, was in before.items()
            if now.get(key, was) < was
        ]
        before = now
        for probe in page.failed():
            found.failed[probe] = found.failed.get(probe, 0) + 1
        for unit, each in held(vm).items():
            found.held.setdefault(unit, []).append(each)
        print(found.started, found.held["xenwatch"][-1], found.held[UNITS[1]][-1], flush=True)
    found.complaints = int(vm.run(COMPLAINTS))
    print(found.failed, found.backwards, found.complaints, flush=True)
    found.wrong = checks.observe(vm, daemon, CAPTURES / "soak").of_daemon()[1]
    return found


def main() -> None:
    """Run, and print what came of it; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with contextlib.closing(Machines(image(), Report())) as machines:
        found = soak(machines.get(sys.modules[__name__]), 60 * options.minutes)
    print(json.dumps({**asdict(found), "growth": list(found.growth())}))


if __name__ == "__main__":
    main()
