"""The control path: how long its daemons take to answer, and what CPU time they have and want."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.process import parse_stat, waited_ns
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.control_path import BOUNDS, ControlPath, DaemonTimes, RoundTrips
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import TARGETS, Source, SourceError

ROLES: Final = ("xenstored", "xapi", "xenopsd")
NOTHING: Final = RoundTrips((0,) * (len(BOUNDS) + 1), 0.0, 0)


def read(source: Source, previous: Snapshot) -> ControlPath:
    """One more round trip to each daemon. Raises `NotApplicable`, `SourceError`, `ParseError`.

    No answer is what there is to count, and no failure of the probe.
    """
    require_dom0(source)
    last: ControlPath = previous.last("control_path") or ControlPath({}, {})
    round_trips = {}
    for target in TARGETS:
        so_far = _asked(source, target, last.round_trips.get(target))
        if so_far is not None:
            round_trips[target] = so_far
    return ControlPath(round_trips, _daemons(source, previous, last.daemons))


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
    source: Source, previous: Snapshot, last: Mapping[str, DaemonTimes]
) -> Mapping[str, DaemonTimes]:
    known = previous.daemons.by_role if previous.daemons is not None else {}
    found = {}
    for role in ROLES:
        if role in known:
            times = _times(source, known[role].pid, last.get(role))
            if times is not None:
                found[role] = times
    return found


def _times(source: Source, pid: int, last: DaemonTimes | None) -> DaemonTimes | None:
    """A process's times, `None` when it has ended. What ended threads waited is not forgotten."""
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
    return DaemonTimes(pid, stat.start_ticks, stat.cpu_seconds, waits, ended)


CONTROL_PATH = Probe(
    name="control_path",
    reads="one read of xenstored, one page of xapi's local socket; times of their processes",
    advice="run as root in dom0; see whether xenstored answers: xenstore-read domid",
    read=read,
    deadline=10.0,
)
