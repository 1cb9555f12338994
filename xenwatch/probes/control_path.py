"""The control path: response times of its daemons, their CPU time and time waited for a CPU."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.process import ProcessStat, parse_stat, waited_ns
from xenwatch.parse.text import uptime
from xenwatch.probes.base import TASKSTATS, Probe
from xenwatch.probes.counters import Counted, read_counters
from xenwatch.probes.window import Samples, extended, rate
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.control_path import (
    BOUNDS,
    RECENT,
    ControlPath,
    DaemonTimes,
    RoundTrips,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import resolve
from xenwatch.release.table import XAPI
from xenwatch.sources.base import TARGETS, NotCaptured, Source, SourceError, read_ahead
from xenwatch.values import dataclass

ROLES: Final = ("xenstored", "xenconsoled", "xapi", "xenopsd")
NO_ROUND_TRIPS: Final = RoundTrips((0,) * (len(BOUNDS) + 1), 0.0, 0)


@dataclass(frozen=True, slots=True)
class _Process:
    """A daemon as last read: nanoseconds waited for a CPU, by thread and by ended threads.

    `wait_ns` is empty where the kernel does not report it. `start_ticks` distinguishes a process
    from a later one with the same PID. `waited` is the seconds of all its threads by uptime.
    `counted` are the kernel's counters at the last reading, `counted_ns` is by how much its threads
    have waited longer since each of them was read.
    """

    pid: int
    start_ticks: int
    cpu_seconds: float
    wait_ns: Mapping[int, int]
    ended_wait_ns: int
    waited: Samples = ()
    counted: Counted | None = None
    counted_ns: int = 0

    @property
    def wait_seconds(self) -> float | None:
        """Seconds its threads have waited."""
        if not self.wait_ns:
            return None
        return (sum(self.wait_ns.values()) + self.ended_wait_ns + self.counted_ns) / 1e9

    def times(self) -> DaemonTimes:
        """The reading."""
        return DaemonTimes(self.cpu_seconds, self.wait_seconds, rate(self.waited))


@dataclass(frozen=True, slots=True)
class _Memory:
    """The counters so far, by target and by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, _Process]


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[ControlPath, _Memory]:
    """One more round trip to each daemon. Raises `NotApplicable`, `SourceError`, `ParseError`.

    A failed round trip is counted, and is no failure of the probe.
    """
    require_dom0(source, context)
    round_trips = {}
    for target in TARGETS:
        expected = target == "xenstored" or resolve(context.host).facts.toolstack == XAPI
        counted = _round_trips(source, target, memory.round_trips.get(target), expected)
        if counted is not None:
            round_trips[target] = counted
    daemons = _daemons(source, context, memory.daemons)
    times = {role: daemon.times() for role, daemon in daemons.items()}
    return ControlPath(round_trips, times), _Memory(round_trips, daemons)


def _round_trips(
    source: Source, target: str, last: RoundTrips | None, expected: bool
) -> RoundTrips | None:
    """The target's counters with one more round trip, `None` where it has never run here.

    One that is `expected` is a part of every host of this kind: where it has not even a socket, it
    does not run.
    """
    so_far = last or NO_ROUND_TRIPS
    try:
        seconds = source.round_trip(target)
    except NotCaptured:
        return last
    except SourceError as error:
        if error.missing and last is None and not expected:
            return None
        failures = so_far.failures + 1
        return dataclasses.replace(so_far, failures=failures, recent=_newest(so_far, None))
    place = bisect.bisect_left(BOUNDS, seconds)
    counts = (*so_far.counts[:place], so_far.counts[place] + 1, *so_far.counts[place + 1 :])
    total, recent = so_far.seconds + seconds, _newest(so_far, seconds)
    return RoundTrips(counts, total, so_far.failures, recent)


def _newest(so_far: RoundTrips, seconds: float | None) -> tuple[float | None, ...]:
    return (*so_far.recent, seconds)[-RECENT:]


def _daemons(
    source: Source, context: Snapshot, last: Mapping[str, _Process]
) -> Mapping[str, _Process]:
    """The daemons whose times can be read: one that cannot costs no other, nor round trips."""
    by_role = context.daemons.by_role if context.daemons is not None else {}
    clock = read_optional(source, "/proc/uptime")
    now = None if clock is None else uptime(clock)
    found = {}
    counters = read_counters(source, [process.pid for process in last.values()])
    for role in ROLES:
        if role in by_role:
            pid = by_role[role].pid
            try:
                process = _process(source, pid, last.get(role), counters.get(pid))
            except SourceError:
                continue
            if process is not None:
                found[role] = _sampled(process, now)
    return found


def _sampled(process: _Process, now: float | None) -> _Process:
    """The process with one more sample of what it has waited."""
    waited = process.wait_seconds
    if now is None or waited is None:
        return process
    return dataclasses.replace(process, waited=extended(process.waited, now, waited))


def _process(
    source: Source, pid: int, last: _Process | None, now: Counted | None
) -> _Process | None:
    """A process as it is now, `None` when it has ended.

    The wait time of ended threads is kept. The kernel's sum has it too, so it does not matter that
    threads come and go.
    """
    data = read_optional(source, f"/proc/{pid}/stat")
    if data is None:
        return None
    stat = parse_stat(data)
    if last is not None and (last.pid, last.start_ticks) != (pid, stat.start_ticks):
        last = None
    if last is not None and last.counted is not None and now is not None:
        (before, then_us, _), (after, now_us, _) = last.counted, now
        waited_ns = after.wait_ns - before.wait_ns
        if 0 <= waited_ns <= stat.threads * (now_us - then_us) * 1000:
            return dataclasses.replace(
                last,
                cpu_seconds=stat.cpu_seconds,
                counted=now,
                counted_ns=last.counted_ns + waited_ns,
            )
    return _by_thread(source, stat, last, now)


def _by_thread(
    source: Source, stat: ProcessStat, last: _Process | None, now: Counted | None
) -> _Process:
    """A process and the threads it has now."""
    pid, waits = stat.pid, {}
    tids = list_optional(source, f"/proc/{pid}/task") or ()
    read_ahead(source, "read", (f"/proc/{pid}/task/{tid}/schedstat" for tid in tids))
    for tid in tids:
        schedstat = read_optional(source, f"/proc/{pid}/task/{tid}/schedstat")
        waited = None if schedstat is None else waited_ns(schedstat)
        if waited is not None:
            waits[int(tid)] = waited
    ended, so_far = 0, Samples()
    if last is not None:
        newly_ended = sum(wait for tid, wait in last.wait_ns.items() if tid not in waits)
        ended, so_far = last.ended_wait_ns + newly_ended, last.waited
        # What ended threads have waited since they were read is in the kernel's sum alone.
        known = sum(last.wait_ns.values()) + last.ended_wait_ns + last.counted_ns
        ended = max(ended, known - sum(waits.values())) if waits else ended
    return _Process(pid, stat.start_ticks, stat.cpu_seconds, waits, ended, so_far, now)


CONTROL_PATH = Probe(
    name="control_path",
    reads="round trips to xenstored and to xapi's local socket; of the daemons taskstats and "
    "/proc/PID/{stat,task}; /proc/uptime",
    advice="run as root in dom0; check that xenstored answers: xenstore-read domid",
    read=read,
    memory=_Memory({}, {}),
    deadline=10.0,
    capabilities=TASKSTATS,
)
