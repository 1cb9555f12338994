"""What a probe is, and how one run of it becomes a value and an `Outcome`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from xenwatch.parse.errors import ParseError
from xenwatch.readings.moment import Moment
from xenwatch.readings.origin import Origin
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import NOT_CAPTURED, Source, SourceError, programs_time
from xenwatch.values import dataclass

DOMAIN: Final = "domain"
"""Event: a domain was introduced or released."""
DOMAIN_SETTLED: Final = "domain settled"
"""Event: no domain was introduced or released for a moment, so the devices have connected."""
DEVICE: Final = "device"
"""Event: xenstored told of the devices that this domain serves, and then of none for a moment."""
LINK: Final = "link"
"""Event: a network link was added, removed or changed."""


SYSLOG: Final = {"CAP_SYSLOG": "/dev/kmsg where `kernel.dmesg_restrict` is set"}
"""What the kernel log needs (kernel/printk/printk.c, check_syslog_permissions)."""
READ_SEARCH: Final = {"CAP_DAC_READ_SEARCH": "/proc/PID/fd of another user's process"}
"""Without it root is as any other user to a directory of mode 0500."""
PTRACE: Final = {"CAP_SYS_PTRACE": "links in /proc/PID/fd of a process with more capabilities"}
"""kernel/ptrace.c, __ptrace_may_access; security/commoncap.c, cap_ptrace_access_check."""
TASKSTATS: Final = {"CAP_NET_ADMIN": "taskstats; without it more files of processes are read"}
"""kernel/taskstats.c: its request is a GENL_ADMIN_PERM."""


class NotApplicable(Exception):
    """The probe does not apply to this host; neither success nor failure."""


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
    `SourceError`, `ParseError` or `NotApplicable`. `memory` is the initial memory, a frozen
    dataclass of plain values: each run returns a new value for the next one and changes none;
    `None` where the probe has no memory. `reads` and `advice` are texts for `doctor`: where the
    value comes from, and the next step when the probe fails. `interval` and `deadline` are
    defaults in seconds; `share` is its CPU budget as a fraction of one core, kept by stretching
    the interval (0.005 is half a percent). `events` trigger a run before the interval is over. What
    changes with them alone is read every `quiet` seconds, where that is longer, while all of them
    are followed; a change that is seen then shows that one was lost.
    `asks` are the daemons it fails without. `capabilities` are those that root needs for it
    (capabilities(7)), each with what it is needed for.
    """

    name: str
    reads: str
    advice: str
    read: Read
    memory: object = None
    interval: float = 10.0
    quiet: float = 0.0
    deadline: float = 5.0
    enabled: bool = True
    share: float = 0.05
    events: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a probe: its outcome and, on success, its reading and memory."""

    outcome: Outcome
    reading: Any = None
    memory: object = None


DISABLED: Final = Result(Outcome(Status.DISABLED, "disabled by default or by configuration"))


@dataclass(frozen=True, slots=True)
class Pass:
    """The result of a pass: the public snapshot, and the private memories by probe.

    A memory is kept while its probe fails, does not apply or is disabled.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    memories: Mapping[str, object] = field(default_factory=dict)


def run(
    probe: Probe, source: Source, before: Pass, clock: Callable[[], float] = time.monotonic
) -> Result:
    """Run a probe once on the result of the pass `before`; `clock` is monotonic."""
    started, wall, cpu = clock(), time.perf_counter(), _cpu_time()
    reading: object = None
    memory: object = None
    detail = ""
    try:
        last = before.memories.get(probe.name, probe.memory)
        reading, memory = probe.read(source, before.snapshot, last)
        earlier = getattr(before.snapshot, probe.name)
        if reading == earlier:
            reading = earlier  # what was made of it need not be made again
        status, detail = Status.OK, getattr(reading, "fallback", "")
    except NotApplicable as error:
        status, detail = Status.NOT_APPLICABLE, str(error)
    except (SourceError, ParseError) as error:
        status, detail = Status.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - a defect in one probe must not stop the others
        status, detail = Status.FAILED, f"bug in xenwatch: {type(error).__name__}: {error}"
    outcome = Outcome(status, detail, started, time.perf_counter() - wall, _cpu_time() - cpu)
    return Result(outcome, reading, memory)


def next_step(probe: Probe, outcome: Outcome, origin: Origin) -> str:
    """The next step for an operator; empty when there is none."""
    if origin.captured is not None and NOT_CAPTURED in outcome.detail:
        return "capture the host again as root, with this version: xenwatch capture DIR"
    if outcome.status is Status.FAILED:
        return probe.advice
    if outcome.status is Status.DISABLED:
        return f"to enable it, set enabled = true in [probes.{probe.name}]"
    return ""


def _cpu_time() -> float:
    """CPU seconds of this thread and of the programs it has run."""
    return time.thread_time() + programs_time()


def merge(before: Pass, results: Mapping[str, Result], now: Moment, origin: Origin) -> Pass:
    """The pass with the results of these probes in place of their previous ones.

    `origin` is that of the source, which a reader tells with its first answer.
    """
    outcomes = {name: result.outcome for name, result in results.items()}
    fields: dict[str, object] = {name: result.reading for name, result in results.items()}
    memories = {name: each.memory for name, each in results.items() if each.memory is not None}
    fields["time"], fields["instant"], fields["origin"] = now.time, now.instant, origin
    fields["outcomes"] = {**before.snapshot.outcomes, **outcomes}
    snapshot = before.snapshot.copy(fields)
    return Pass(snapshot, {**before.memories, **memories} if memories else before.memories)


def take(
    source: Source,
    probes: Iterable[Probe],
    clock: Callable[[], float] = time.time,
    before: Pass | None = None,
) -> Pass:
    """Run `probes` once in order, in this thread; disabled ones are recorded as such.

    `clock` is one that nobody sets: its Unix times are the instants too. `before` is the previous
    pass, if any: its memories, and its readings of probes not run now.
    """
    found = before or Pass(Snapshot(time=(now := clock()), origin=source.origin, instant=now))
    for probe in probes:
        result = run(probe, source, found, clock) if probe.enabled else DISABLED
        now = clock()
        found = merge(found, {probe.name: result}, Moment(now, now), source.origin)
    return found
