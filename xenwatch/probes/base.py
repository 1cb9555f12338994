"""What a probe is, and how one run of it becomes a value and an `Outcome`."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from xenwatch.parse.errors import ParseError
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source, SourceError, programs_time

DOMAIN: Final = "domain"
"""Event: a domain was introduced or released."""
DOMAIN_SETTLED: Final = "domain settled"
"""Event: no domain was introduced or released for a moment; those there are have their devices."""
LINK: Final = "link"
"""Event: a network link came, went or changed."""


class NotApplicable(Exception):
    """This host has nothing for the probe to read; neither success nor failure."""


Read = Callable[[Source, Snapshot, Any], tuple[object, Any]]
"""`(source, context, memory)` to a reading and the memory for the probe's next run.

`context` is the newest snapshot: what other probes have read. `memory` is the probe's own.
"""


def stateless(read: Callable[[Source, Snapshot], object]) -> Read:
    """The `Read` of a probe without memory, from a function of source and context alone."""
    return lambda source, context, _memory: (read(source, context), None)


@dataclass(frozen=True, slots=True)
class Probe:
    """One subject to read.

    `name` is the field of `Snapshot` it fills. `read` returns that field's value or raises
    `SourceError`, `ParseError` or `NotApplicable`. `memory` is what its first run is given, a
    frozen dataclass of plain values: each run gives the next one a new value and changes none;
    `None` where the probe has no memory. `reads` and `advice` are `doctor`'s words:
    where the value comes from and what to do when it cannot be had. `interval` and `deadline`
    are defaults in seconds; `share` bounds the probe's part of a core by stretching the
    interval (0.005 is half a percent). `events` run it ahead of its time. `asks` are the daemons
    without whose answer it fails.
    """

    name: str
    reads: str
    advice: str
    read: Read
    memory: object = None
    interval: float = 10.0
    deadline: float = 5.0
    enabled: bool = True
    share: float = 0.05
    events: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a probe: how it went and, where it succeeded, its reading and its next memory."""

    outcome: Outcome
    reading: Any = None
    memory: object = None


DISABLED: Final = Result(Outcome(Status.DISABLED, "off by default or by configuration"))


@dataclass(frozen=True, slots=True)
class Pass:
    """What is known after a pass: the snapshot for everybody, and memories by probe for each alone.

    A memory stays as it is while its probe fails, does not apply or is disabled.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    memories: Mapping[str, object] = field(default_factory=dict)


def run(
    probe: Probe, source: Source, before: Pass, clock: Callable[[], float] = time.time
) -> Result:
    """Run a probe once on what is known `before`."""
    started, wall, cpu = clock(), time.perf_counter(), _cpu_time()
    reading: object = None
    memory: object = None
    detail = ""
    try:
        last = before.memories.get(probe.name, probe.memory)
        reading, memory = probe.read(source, before.snapshot, last)
        status = Status.OK
    except NotApplicable as error:
        status, detail = Status.NOT_APPLICABLE, str(error)
    except (SourceError, ParseError) as error:
        status, detail = Status.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - a defect in one probe must not cost the others
        status, detail = Status.FAILED, f"defect in xenwatch: {type(error).__name__}: {error}"
    outcome = Outcome(status, detail, started, time.perf_counter() - wall, _cpu_time() - cpu)
    return Result(outcome, reading, memory)


def next_step(probe: Probe, outcome: Outcome) -> str:
    """What to do about a probe's outcome; empty where nothing is to be done."""
    if outcome.status is Status.FAILED:
        return probe.advice
    if outcome.status is Status.DISABLED:
        return f"to read it, set enabled = true in [probes.{probe.name}]"
    return ""


def _cpu_time() -> float:
    """CPU seconds of this thread and of the programs it has run."""
    return time.thread_time() + programs_time()


def merge(before: Pass, name: str, result: Result, now: float) -> Pass:
    """What is known once a probe's result has taken the place of its last one."""
    outcomes = {**before.snapshot.outcomes, name: result.outcome}
    reading = {name: result.reading}
    snapshot = dataclasses.replace(before.snapshot, time=now, outcomes=outcomes, **reading)
    memories = before.memories
    if result.memory is not None:
        memories = {**memories, name: result.memory}
    return Pass(snapshot, memories)


def take(
    source: Source,
    probes: Iterable[Probe],
    clock: Callable[[], float] = time.time,
    before: Pass | None = None,
) -> Pass:
    """One pass over `probes` in order, in this thread. Disabled probes are noted as such.

    `before` is the pass before, if there was one: memories, and readings not taken now.
    """
    found = before or Pass(Snapshot(time=clock()))
    for probe in probes:
        result = run(probe, source, found, clock) if probe.enabled else DISABLED
        found = merge(found, probe.name, result, clock())
    return found
