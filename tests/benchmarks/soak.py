"""Months of passes in minutes: what the process keeps, and whether a counter ever goes backwards.

Run by itself: `python -m tests.benchmarks.soak 100000`; it prints what docs/reliability.md shows.
The host is SYNTHETIC: VMs come and go, and their domids, names and pids are used again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from xenwatch import log, threads
from xenwatch.alerts.messages import Sender
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Rules
from xenwatch.config.settings import Settings
from xenwatch.delivery.outbox import Outbox
from xenwatch.exposition.text_format import Family
from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.source import ModelSource
from xenwatch.passes.bodies import FORMS, Renderer
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.probes.grants import MAPTRACK

Counters = dict[tuple[str, tuple[str, ...]], float]
"""Values by name and labels."""

STEP: Final = 60.0
"""Seconds of the host between two passes."""
VMS: Final = 3
"""VMs that run at a time."""
IDS: Final = 40
"""Domids until they begin again."""
PIDS: Final = range(400, 900)
"""What processes get in turn."""
AT_ONCE: Final = 0.3
"""How often a domid is used again in the pass in which its VM ended."""
WHOLE: Final = 50
"""Passes from one that is rendered in every form to the next."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the process has after so many passes, and the CPU time of each since the last look."""

    passes: int
    ms: float
    mib: float
    descriptors: int
    threads: int


@dataclass(slots=True)
class Soak:
    """What came of it: VMs started, one a pass, domids used again, and what was kept.

    `resets` are counters that went back with a new VM, `backwards`, by name, any others."""

    started: int = 0
    reused: int = 0
    resets: int = 0
    backwards: dict[str, list[str]] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)

    def growth(self) -> Mapping[str, float]:
        """By what is kept: the last quarter of the samples by the one before it, less 1."""
        quarter = len(self.kept) // 4
        found = {}
        for name in ("ms", "mib", "descriptors", "threads"):
            before, after = (
                statistics.median(getattr(kept, name) for kept in part)
                for part in (self.kept[-2 * quarter : -quarter], self.kept[-quarter:])
            )
            found[name] = after / before - 1
        return found


def kept(passes: int, seconds: float) -> Kept:
    """What this process has now; `seconds` is the CPU time of a pass."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    mib = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    held = len(os.listdir("/proc/self/fd"))
    return Kept(passes, round(1000 * seconds, 1), round(mib, 1), held, threading.active_count())


class Host:
    """A host on which a VM ends and another one starts with each turn."""

    def __init__(self, platform: str, seed: int) -> None:
        self.machine = Machine(PLATFORMS[platform])
        self.seconds = 0.0
        self.fresh: set[str] = set()
        """Domids and names of VMs that have started since the last pass."""
        self._random = random.Random(seed)
        self._running: dict[int, int] = {}
        dom0 = self.machine.dom0
        dom0._pids = _free(dom0.processes)  # type: ignore[assignment]

    def turn(self) -> int:
        """One pass later. Returns the domid that was started."""
        self.seconds += STEP
        machine, chosen = self.machine, self._random
        machine.advance(self.seconds)
        if len(self._running) >= VMS:
            first = next(iter(self._running))
            del self._running[first]
            machine.destroy(first)
            if chosen.random() < AT_ONCE:
                machine._next = first
        if machine._next > IDS:
            machine._next = 1
        shape = vm(machine.dom0.platform, chosen.choice(("pv", "pvh", "hvm")))
        number = chosen.choice([each for each in range(IDS) if each not in self._running.values()])
        domid = machine.start(b"vm-%d" % number, shape)
        self._running[domid] = number
        self.fresh = {str(domid), f"vm-{number}"}
        return domid


def _free(taken: Mapping[int, object]) -> Iterator[int]:
    """Pids in turn, for ever, without those of processes that run."""
    return (pid for pid in itertools.cycle(PIDS) if pid not in taken)


def counted(families: Mapping[str, Family]) -> Iterator[tuple[Family, tuple[str, ...], float]]:
    """Every counter, and the count and sum of every histogram, with its labels."""
    for family in families.values():
        if family.kind == "counter":
            for labels, value in family.samples:
                yield family, labels, value
        for labels, histogram in family.histograms:
            yield family, (*labels, "sum"), histogram.sum
            yield family, (*labels, "count"), sum(histogram.counts)


class Passes:
    """Passes one after another, each with its readings, metrics, alerts and what is delivered."""

    def __init__(self, platform: str, seed: int = 1) -> None:
        settings = Settings()
        self.host = Host(platform, seed)
        self.newest: AssessedPass | None = None
        self._rules = Rules(settings.thresholds(), settings.shapes(), settings.alerts())
        # Debug key g fills Xen's console, up to its size: memory of the synthetic host.
        self._probes = [replace(each, enabled=each is not MAPTRACK) for each in PROBES]
        self._source, self._renderer = ModelSource(self.host.machine), Renderer()
        self._reading = Pass()
        self._outbox = Outbox(Sender("dom0", "runbooks/"), ["webhook"])

    def _one(self) -> AssessedPass:
        self._reading = take(
            self._source, self._probes, lambda: 1e9 + self.host.seconds, self._reading
        )
        earlier = self.newest.assessment if self.newest else None
        return assess(
            self._reading.snapshot,
            self._rules,
            before=self.newest,
            alerts=earlier.alerts if earlier else None,
            learning=earlier.learning if earlier else None,
            renderer=self._renderer,
        )

    async def turn(self, *, whole: bool) -> AssessedPass:
        """The next pass, rendered in every form if `whole`."""
        self.newest = newest = await threads.start(self._one, "pass")
        for form in FORMS if whole else FORMS[:1]:
            await newest.metrics.asked(form)
        found = newest.assessment
        self._outbox.enqueue(found.alerts or Alerts(), found.snapshot.instant)
        self._outbox.queues["webhook"].clear()
        return newest


def compared(
    before: Counters, families: Mapping[str, Family], fresh: set[str], found: Soak
) -> Counters:
    """The counters of a pass; what went back since `before` is noted."""
    now = {}
    for family, labels, value in counted(families):
        now[family.name, labels] = value
        was = before.get((family.name, labels), value)
        if value >= was:
            continue
        if fresh & set(labels):
            found.resets += 1
        else:
            found.backwards.setdefault(family.name, []).append(f"{labels}: {was:g} to {value:g}")
    return now


async def soak(platform: str, passes: int, seconds: float) -> Soak:
    """So many passes, or as many as there are in so many seconds."""
    found, turns = Soak(), Passes(platform)
    counters: Counters = {}
    seen: set[int] = set()
    often = max(1, min(passes // 20, 1000))
    cpu, until = time.process_time(), time.monotonic() + seconds
    threads.keep()
    while found.started < passes and time.monotonic() < until:
        domid = turns.host.turn()
        found.started += 1
        found.reused += domid in seen
        seen.add(domid)
        newest = await turns.turn(whole=not found.started % WHOLE)
        counters = compared(counters, newest.families, turns.host.fresh, found)
        if not found.started % often:
            spent, cpu = cpu, time.process_time()
            found.kept.append(kept(found.started, (cpu - spent) / often))
            print(found.kept[-1], flush=True)
    return found


def main() -> None:
    """Run, and print what came of it; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passes", type=int)
    parser.add_argument("--minutes", type=float, default=24 * 60.0)
    parser.add_argument("--platform", default="debian-12", choices=sorted(PLATFORMS))
    options = parser.parse_args()
    log.configure("error", "json")
    began = time.process_time()
    found = asyncio.run(soak(options.platform, options.passes, 60 * options.minutes))
    cpu = time.process_time() - began
    print(f"{found.started} passes, {cpu:.0f} s of CPU time", flush=True)
    print(json.dumps({**asdict(found), "growth": found.growth()}))


if __name__ == "__main__":
    main()
