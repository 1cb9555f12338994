"""One pass over the probes, for use without an event loop."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable

from xenwatch import progress, threads
from xenwatch.clock import SystemClock
from xenwatch.passes import verdicts
from xenwatch.probes.base import DISABLED, Pass, Probe, Result, merge, run
from xenwatch.progress import Course, Standing
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source


def one_pass(source: Source, probes: Iterable[Probe], before: Pass | None = None) -> Pass:
    """One pass over `probes` in order, each against its deadline.

    `before` is the pass before, if there was one: memories, and readings not taken now.
    """
    clock = SystemClock()
    now = clock.moment()
    found = before or Pass(Snapshot(now.time, origin=source.origin, instant=now.instant))
    for probe in probes:
        result = _run_alone(probe, source, found) if probe.enabled else DISABLED
        found = merge(found, {probe.name: result}, clock.moment(), source.origin)
    return found


def _run_alone(probe: Probe, source: Source, before: Pass) -> Result:
    """Run a probe once and wait for it, until it is given up."""
    began = time.monotonic()
    course = Course(probe.deadline, began)
    try:
        call = threads.Call(functools.partial(run, probe, source, before), f"probe-{probe.name}")
    except RuntimeError as error:
        return verdicts.no_thread(error, began)
    while not call.is_done(course.pause(time.monotonic(), progress.LOOK)):
        course.add(time.monotonic(), progress.look(call.thread))
        if course.is_given_up:
            return verdicts.unfinished(probe, course.standing, began)
    result = call.result()
    return verdicts.late(result) if course.standing is Standing.LATE else result
