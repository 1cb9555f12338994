"""How late the event loop of the daemon is, beside the probes of a large synthetic host.

Run by itself: `python -m tests.benchmarks.loop_lag 500 40` for so many HVM VMs and seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

from tests.benchmarks.hosts import Running, host
from tests.benchmarks.results import percentile
from xenwatch import log, threads
from xenwatch.assessment import Rules
from xenwatch.clock import SystemClock
from xenwatch.config.settings import Settings
from xenwatch.daemon import interpreter
from xenwatch.passes.publisher import Publisher
from xenwatch.passes.scheduler import Scheduler

STEP: Final = 0.002
"""Seconds from one moment to the next."""
BEFORE: Final = 3.0
"""Seconds after the first pass before it is measured."""


async def lags(seconds: float) -> list[float]:
    """How late the loop is at each of many moments in turn, in seconds.

    On a busy machine this process waits for a CPU, too: what counts is what it computed meanwhile.
    """
    due, found = time.monotonic(), []
    until = due + seconds
    while (now := time.monotonic()) < until:
        cpu = time.process_time()
        await asyncio.sleep(due + STEP - now)
        now, cpu = time.monotonic(), time.process_time() - cpu
        while due <= now - STEP:  # those that it has missed, too
            due += STEP
            found.append(min(now - due, cpu))
    return found


async def measured(source: Running, seconds: float) -> dict[str, float]:
    """The lags in milliseconds once every probe has run, with what was done meanwhile."""
    settings, clock = Settings(), SystemClock()
    rules = Rules(settings.thresholds(), settings.shapes(), settings.alerts())
    scheduler = Scheduler(source, settings.probes(), clock)
    publisher = Publisher(scheduler, rules, clock)
    renders: list[float] = []
    publisher.on_change = lambda: renders.append(time.monotonic())
    works = (scheduler.run(), publisher.run(), interpreter.tune(scheduler.ready, clock))
    tasks = [asyncio.create_task(each) for each in works]
    await scheduler.ready.wait()
    await asyncio.sleep(BEFORE)
    cpu, before = time.process_time(), len(renders)
    found = await lags(seconds)
    cpu = time.process_time() - cpu
    for task in tasks:
        task.cancel()
    failed = sum(outcome.status.value != "ok" for outcome in scheduler.snapshot.outcomes.values())
    return {
        **dict(percentiles(found)),
        "renders": len(renders) - before,
        "cpu_seconds": cpu,
        "not_ok": failed,
    }


def percentiles(found: Sequence[float]) -> Iterator[tuple[str, float]]:
    """Some percentiles of seconds, in milliseconds."""
    for part in (0.5, 0.99, 0.999, 1.0):
        yield f"p{100 * part:g}", 1000 * percentile(found, part)


def main(vms: str, seconds: str) -> None:
    """Measure, and print it as JSON."""
    log.configure("error", "json")
    threads.keep()
    found = asyncio.run(measured(host(int(vms)), float(seconds)))
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
