"""What a probe is, and how one run of it becomes a value and an `Outcome`."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Probe:
    """One subject to read.

    `name` is the field of `Snapshot` it fills. `read(source, previous)` returns that field's
    value or raises `SourceError`, `ParseError` or `NotApplicable`; `previous` is the last
    snapshot, for readings that need not be repeated. `reads` and `advice` are `doctor`'s words:
    where the value comes from and what to do when it cannot be had. `interval` and `deadline`
    are defaults in seconds; `share` bounds the probe's part of a core by stretching the
    interval (0.005 is half a percent). `events` run it ahead of its time. `asks` are the daemons
    without whose answer it fails.
    """

    name: str
    reads: str
    advice: str
    read: Callable[[Source, Snapshot], object]
    interval: float = 10.0
    deadline: float = 5.0
    enabled: bool = True
    share: float = 0.05
    events: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()


def run(
    probe: Probe, source: Source, previous: Snapshot, clock: Callable[[], float] = time.time
) -> tuple[Any, Outcome]:
    """Run a probe once. Returns its value (`None` unless it succeeded) and how it went."""
    started, wall, cpu = clock(), time.perf_counter(), _cpu_time()
    value: object = None
    detail = ""
    try:
        value, status = probe.read(source, previous), Status.OK
    except NotApplicable as error:
        status, detail = Status.NOT_APPLICABLE, str(error)
    except (SourceError, ParseError) as error:
        status, detail = Status.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - a defect in one probe must not cost the others
        status, detail = Status.FAILED, f"defect in xenwatch: {type(error).__name__}: {error}"
    outcome = Outcome(status, detail, started, time.perf_counter() - wall, _cpu_time() - cpu)
    return value, outcome


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


def merge(snapshot: Snapshot, name: str, value: Any, outcome: Outcome, now: float) -> Snapshot:
    """The snapshot with one probe's result in place of its last one."""
    outcomes = {**snapshot.outcomes, name: outcome}
    kept = {probe: last for probe, last in snapshot.kept.items() if probe != name}
    if value is None and snapshot.last(name) is not None:
        kept[name] = snapshot.last(name)
    return dataclasses.replace(snapshot, time=now, outcomes=outcomes, kept=kept, **{name: value})


def take(
    source: Source, probes: Iterable[Probe], clock: Callable[[], float] = time.time
) -> Snapshot:
    """One pass over `probes` in order, in this thread. Disabled probes are noted as such."""
    snapshot = Snapshot(time=clock())
    for probe in probes:
        if not probe.enabled:
            value, outcome = None, Outcome(Status.DISABLED, "off by default or by configuration")
        else:
            value, outcome = run(probe, source, snapshot, clock)
        snapshot = merge(snapshot, probe.name, value, outcome, clock())
    return snapshot
