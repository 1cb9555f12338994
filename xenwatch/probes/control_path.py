"""The control path: how long its daemons take to answer, and what CPU time they have and want."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.parse.process import parse_stat, waited_ns
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.control_path import BOUNDS, ControlPath, DaemonTimes, RoundTrips
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import TARGETS, Source, SourceError

ROLES: Final = ("xenstored", "xapi", "xenopsd")
NOTHING: Final = RoundTrips((0,) * (len(BOUNDS) + 1), 0.0, 0)


@dataclass(frozen=True, slots=True)
class _Process:
    """A daemon as it was: nanoseconds waited for a CPU by thread, and by threads that have ended.

    `wait_ns` is empty where the kernel does not tell. `start_ticks` tells a process from a later
    one of its number.
    """

    pid: int
    start_ticks: int
    cpu_seconds: float
    wait_ns: Mapping[int, int]
    ended_wait_ns: int

    def times(self) -> DaemonTimes:
        """The reading."""
        if not self.wait_ns:
            return DaemonTimes(self.cpu_seconds, None)
        waited = sum(self.wait_ns.values()) + self.ended_wait_ns
        return DaemonTimes(self.cpu_seconds, waited / 1e9)


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was counted so far, by target and by role."""

    round_trips: Mapping[str, RoundTrips]
    daemons: Mapping[str, _Process]


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[ControlPath, _Memory]:
    """One more round trip to each daemon. Raises `NotApplicable`, `SourceError`, `ParseError`.

    No answer is what there is to count, and no failure of the probe.
    """
    require_dom0(source)
    round_trips = {}
    for target in TARGETS:
        so_far = _asked(source, target, memory.round_trips.get(target))
        if so_far is not None:
            round_trips[target] = so_far
    daemons = _daemons(source, context, memory.daemons)
    times = {role: daemon.times() for role, daemon in daemons.items()}
    return ControlPath(round_trips, times), _Memory(round_trips, daemons)


def _asked(source: Source, target: str, last: RoundTrips | None) -> RoundTrips | None:
    """The target's history with one question more, `None` where it was never here."""
    so_far = last or NOTHING
    try:
        seconds = source.round_trip(target)
    except SourceError as error:
        if error.missing and last is None:
            return None
        return RoundTrips(so_far.counts, so_far.seconds, so_far.failures + 1)
    place = bisect.bisect_left(BOUNDS, seconds)
    counts = (*so_far.counts[:place], so_far.counts[place] + 1, *so_far.counts[place + 1 :])
    return RoundTrips(counts, so_far.seconds + seconds, so_far.failures)


def _daemons(
    source: Source, context: Snapshot, last: Mapping[str, _Process]
) -> Mapping[str, _Process]:
    known = context.daemons.by_role if context.daemons is not None else {}
    found = {}
    for role in ROLES:
        if role in known:
            process = _process(source, known[role].pid, last.get(role))
            if process is not None:
                found[role] = process
    return found


def _process(source: Source, pid: int, last: _Process | None) -> _Process | None:
    """A process as it is now, `None` when it has ended.

    What its threads that have ended waited is not forgotten.
    """
    data = read_optional(source, f"/proc/{pid}/stat")
    if data is None:
        return None
    stat = parse_stat(data)
    waits = {}
    for tid in list_optional(source, f"/proc/{pid}/task") or ():
        schedstat = read_optional(source, f"/proc/{pid}/task/{tid}/schedstat")
        waited = None if schedstat is None else waited_ns(schedstat)
        if waited is not None:
            waits[int(tid)] = waited
    ended = 0
    if last is not None and (last.pid, last.start_ticks) == (pid, stat.start_ticks):
        gone = sum(wait for tid, wait in last.wait_ns.items() if tid not in waits)
        ended = last.ended_wait_ns + gone
    return _Process(pid, stat.start_ticks, stat.cpu_seconds, waits, ended)


CONTROL_PATH = Probe(
    name="control_path",
    reads="one read of xenstored, one page of xapi's local socket; times of their processes",
    advice="run as root in dom0; see whether xenstored answers: xenstore-read domid",
    read=read,
    memory=_Memory({}, {}),
    deadline=10.0,
)
