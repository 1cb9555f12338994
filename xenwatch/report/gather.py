"""What a report says, gathered from moment to moment and bounded in size."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import groupby

from xenwatch.alerts.states import SeriesKey, State
from xenwatch.limits.base import Limit
from xenwatch.limits.states import LimitState
from xenwatch.readings.control_path import RoundTrips
from xenwatch.readings.qemus import Qemu
from xenwatch.readings.snapshot import Snapshot
from xenwatch.report.events import Event, Vm, summary, vm_of
from xenwatch.report.moments import Seen
from xenwatch.values import dataclass

Point = tuple[float, float]
"""Unix time, and a value."""


@dataclass(slots=True)
class Fired:
    """An alert that fired: from when, until when (`None`: still at the end), and what of."""

    severity: str
    summary: str
    begin: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """The farthest that a ratio has gone one way, and the times between which it has."""

    size: float = 0.0
    begin: float = 0.0
    end: float = 0.0


@dataclass(slots=True)
class Course:
    """The use of a limit's fullest instance over time."""

    limit: Limit
    points: list[Point] = field(default_factory=list)
    last: LimitState | None = None
    rise: Move = Move()
    fall: Move = Move()
    low: Point | None = None
    high: Point | None = None

    def add(self, time: float, state: LimitState, ratio: float) -> None:
        """Add the fullest instance at a time."""
        self.points.append((time, ratio))
        self.last = state
        if self.low is None or ratio < self.low[1]:
            self.low = (time, ratio)
        if self.high is None or ratio > self.high[1]:
            self.high = (time, ratio)
        if ratio - self.low[1] > self.rise.size:
            self.rise = Move(ratio - self.low[1], self.low[0], time)
        if self.high[1] - ratio > self.fall.size:
            self.fall = Move(self.high[1] - ratio, self.high[0], time)

    @property
    def move(self) -> Move:
        """The farther of both."""
        return max(self.rise, self.fall, key=lambda one: one.size)


@dataclass(slots=True)
class Requests:
    """Requests to a daemon of the control path: answered and failed in the time, seconds over it.

    `slowest` is the longest answer seen.
    """

    answered: int = 0
    failed: int = 0
    slowest: float | None = None
    points: list[Point] = field(default_factory=list)
    before: RoundTrips | None = None

    def add(self, time: float, now: RoundTrips) -> None:
        """Add what was known of a daemon at a time."""
        if self.before is not None:
            self.answered += _since(sum(self.before.counts), sum(now.counts))
            self.failed += _since(self.before.failures, now.failures)
        answers = [seconds for seconds in now.recent if seconds is not None]
        self.slowest = max([*answers, self.slowest or 0.0]) if answers else self.slowest
        if now.median_seconds is not None:
            self.points.append((time, now.median_seconds))
        self.before = now


@dataclass(slots=True)
class Wakeups:
    """Wakeups of the QEMUs by VM, the seconds these were counted in, and of all a second."""

    by_vm: Counter[Vm] = field(default_factory=Counter)
    seconds: float = 0.0
    points: list[Point] = field(default_factory=list)

    def add(self, before: Snapshot, now: Snapshot) -> None:
        """Add what was counted between two moments; processes that are new count from the next."""
        passed = now.instant - before.instant
        if passed <= 0 or before.qemus is None or now.qemus is None or before.qemus is now.qemus:
            return
        names = {
            domain.domid: vm_of(now, domain)
            for domain in (now.domains.domains if now.domains else ())
        }
        total = 0
        for domid, qemu in now.qemus.by_domid.items():
            old = before.qemus.by_domid.get(domid)
            if old is not None and _same(old, qemu):
                count = max(0, qemu.wakeups - old.wakeups)
                self.by_vm[names.get(domid, Vm("", qemu.uuid))] += count
                total += count
        self.seconds += passed
        self.points.append((now.time, total / passed))


@dataclass(slots=True)
class Messages:
    """Messages of one kind in a log: how many in the time, and the last one."""

    count: int = 0
    text: str = ""


@dataclass(slots=True)
class Gathered:
    """All that a report is made of."""

    moments: int = 0
    first: Seen | None = None
    last: Seen | None = None
    events: list[Event] = field(default_factory=list)
    alerts: list[Fired] = field(default_factory=list)
    limits: dict[str, Course] = field(default_factory=dict)
    targets: dict[str, Requests] = field(default_factory=dict)
    wakeups: Wakeups = field(default_factory=Wakeups)
    logs: dict[tuple[str, str], Messages] = field(default_factory=dict)
    vms: list[Point] = field(default_factory=list)
    _firing: dict[SeriesKey, Fired] = field(default_factory=dict)
    _counted: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        """Add a moment."""
        snapshot, before = seen.past.snapshot, self.last
        self.moments += 1
        self.first = self.first or seen
        self.last = seen
        self.events += seen.events
        self._add_alerts(seen)
        self._add_limits(snapshot.time, seen.states)
        self._add_logs(snapshot)
        if snapshot.control_path is not None:
            for target, trips in snapshot.control_path.round_trips.items():
                self.targets.setdefault(target, Requests()).add(snapshot.time, trips)
        if snapshot.domains is not None:
            count = sum(bool(domain.domid) for domain in snapshot.domains.domains)
            self.vms.append((snapshot.time, float(count)))
        if before is not None:
            self.wakeups.add(before.past.snapshot, snapshot)

    def _add_alerts(self, seen: Seen) -> None:
        alerts, now = seen.past.alerts, seen.past.snapshot.moment
        if alerts is None:
            return
        for key, active in alerts.active.items():
            if active.state is State.FIRING and key not in self._firing:
                since = now.unix(active.fired if active.fired is not None else active.since)
                fired = Fired(active.severity, summary(active), since)
                self._firing[key] = fired
                self.alerts.append(fired)
            elif active.state is State.FIRING and active.ended is None:
                # The value was higher at times: the last one is the state it was in.
                self._firing[key].summary = summary(active)
        for key in [*self._firing]:
            active_now = alerts.active.get(key)
            if active_now is None or active_now.state is not State.FIRING:
                self._firing.pop(key).end = now.time

    def _add_limits(self, time: float, states: tuple[LimitState, ...]) -> None:
        for name, group in groupby(states, key=lambda state: state.limit.name):
            known = [(state.ratio, state) for state in group if state.ratio is not None]
            if known:
                ratio, fullest = max(known, key=lambda one: one[0])
                course = self.limits.setdefault(name, Course(fullest.limit))
                course.add(time, fullest, ratio)

    def _add_logs(self, snapshot: Snapshot) -> None:
        for kind, count, text in _messages(snapshot):
            before = self._counted.get(kind)
            self._counted[kind] = count
            new = 0 if before is None else _since(before, count)
            if new:
                found = self.logs.setdefault(kind, Messages())
                found.count += new
                found.text = text


def uses(by_domid: Mapping[str, float], snapshot: Snapshot) -> dict[Vm, float]:
    """What each VM uses, of what each domain does; dom0 is none."""
    found: dict[Vm, float] = {}
    for domain in snapshot.domains.domains if snapshot.domains else ():
        if domain.domid and str(domain.domid) in by_domid:
            vm = vm_of(snapshot, domain)
            found[vm] = found.get(vm, 0.0) + by_domid[str(domain.domid)]
    return found


def moved_by(before: Mapping[Vm, float], now: Mapping[Vm, float]) -> list[tuple[Vm, float]]:
    """The VMs whose use has changed from one moment to another, by how much, the most first."""
    every = {vm: now.get(vm, 0.0) - before.get(vm, 0.0) for vm in {**before, **now}}
    found = [(vm, size) for vm, size in every.items() if size]
    return sorted(found, key=lambda one: (-abs(one[1]), one[0]))


def _messages(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], int, str]]:
    for log, messages in snapshot.logs().items():
        for kind, count in messages.counted.items():
            last = messages.last.get(kind)
            yield (log, kind), count, last.text if last else ""


def _since(before: int, now: int) -> int:
    """By how much a counter has risen, which may have begun anew."""
    return now - before if now >= before else now


def _same(old: Qemu, new: Qemu) -> bool:
    """Whether it is the same process."""
    key = ("uuid", "pid", "start_ticks")
    return all(getattr(old, name) == getattr(new, name) for name in key)


def closed(gathered: Gathered) -> Gathered:
    """The same without what only gathering needs."""
    return dataclasses.replace(gathered, _firing={}, _counted={})
